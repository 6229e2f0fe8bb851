// Linked into programs that are built for one kind of processor (`-march=native` and the like).
// Before anything else runs, it refuses to start where that processor's instructions are missing.

#include <cstdio>
#include <cstdlib>

namespace {
// What the compiler was allowed to use, taken before this file itself falls back to plain x86-64.
#ifdef __AVX2__
constexpr bool uses_avx2 = true;
#else
constexpr bool uses_avx2 = false;
#endif
#ifdef __AVX__
constexpr bool uses_avx = true;
#else
constexpr bool uses_avx = false;
#endif
#ifdef __FMA__
constexpr bool uses_fma = true;
#else
constexpr bool uses_fma = false;
#endif
#ifdef __BMI2__
constexpr bool uses_bmi2 = true;
#else
constexpr bool uses_bmi2 = false;
#endif
#ifdef __AVX512F__
constexpr bool uses_avx512f = true;
#else
constexpr bool uses_avx512f = false;
#endif
#ifdef __AVX512DQ__
constexpr bool uses_avx512dq = true;
#else
constexpr bool uses_avx512dq = false;
#endif
#ifdef __AVX512VL__
constexpr bool uses_avx512vl = true;
#else
constexpr bool uses_avx512vl = false;
#endif
#ifdef __AVX512VNNI__
constexpr bool uses_avx512vnni = true;
#else
constexpr bool uses_avx512vnni = false;
#endif
#ifdef __SSE4_2__
constexpr bool uses_sse42 = true;
#else
constexpr bool uses_sse42 = false;
#endif
}  // namespace

#pragma GCC target("arch=x86-64")

namespace {
void require(bool used, bool present, const char* name) {
  if (!used || present)
    return;
  std::fprintf(stderr,
               "This program was built for another processor: it uses %s, which this one lacks. "
               "Compile it here, or without `native`.\n",
               name);
  std::_Exit(EXIT_FAILURE);
}

__attribute__((constructor(101))) void check_processor() {
  __builtin_cpu_init();
  require(uses_sse42, __builtin_cpu_supports("sse4.2"), "SSE4.2");
  require(uses_avx, __builtin_cpu_supports("avx"), "AVX");
  require(uses_avx2, __builtin_cpu_supports("avx2"), "AVX2");
  require(uses_fma, __builtin_cpu_supports("fma"), "FMA");
  require(uses_bmi2, __builtin_cpu_supports("bmi2"), "BMI2");
  require(uses_avx512f, __builtin_cpu_supports("avx512f"), "AVX-512F");
  require(uses_avx512dq, __builtin_cpu_supports("avx512dq"), "AVX-512DQ");
  require(uses_avx512vl, __builtin_cpu_supports("avx512vl"), "AVX-512VL");
  require(uses_avx512vnni, __builtin_cpu_supports("avx512vnni"), "AVX-512VNNI");
}
}  // namespace
