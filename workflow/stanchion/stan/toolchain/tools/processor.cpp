// Linked into programs that are built for one kind of processor (`-march=native` and the like).
// Before anything else runs, it refuses to start where that processor's instructions are missing.
// Compiled for plain x86-64; `USES_…` says what the rest of the program was compiled for.

#include <cstdio>
#include <cstdlib>

namespace {

void require(bool present, const char* name) {
  if (present)
    return;
  std::fprintf(stderr,
               "This program was built for another processor: it uses %s, which this one lacks. "
               "Compile it here, or without `native`.\n",
               name);
  std::_Exit(EXIT_FAILURE);
}

#define REQUIRE(name) require(__builtin_cpu_supports(name), name)

__attribute__((constructor(101))) void check_processor() {
  __builtin_cpu_init();
#ifdef USES_SSE4_2
  REQUIRE("sse4.2");
#endif
#ifdef USES_POPCNT
  REQUIRE("popcnt");
#endif
#ifdef USES_XOP
  REQUIRE("xop");
#endif
#ifdef USES_FMA4
  REQUIRE("fma4");
#endif
#ifdef USES_BMI
  REQUIRE("bmi");
#endif
#ifdef USES_BMI2
  REQUIRE("bmi2");
#endif
#ifdef USES_AVX
  REQUIRE("avx");
#endif
#ifdef USES_AVX2
  REQUIRE("avx2");
#endif
#ifdef USES_FMA
  REQUIRE("fma");
#endif
#ifdef USES_AVX512F
  REQUIRE("avx512f");
#endif
#ifdef USES_AVX512BW
  REQUIRE("avx512bw");
#endif
#ifdef USES_AVX512DQ
  REQUIRE("avx512dq");
#endif
#ifdef USES_AVX512VL
  REQUIRE("avx512vl");
#endif
#ifdef USES_AVX512VNNI
  REQUIRE("avx512vnni");
#endif
#ifdef USES_AVX512VPOPCNTDQ
  REQUIRE("avx512vpopcntdq");
#endif
#ifdef USES_GFNI
  REQUIRE("gfni");
#endif
}

}  // namespace
