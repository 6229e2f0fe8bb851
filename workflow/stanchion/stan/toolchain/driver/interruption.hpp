// What happens when the run is ended from outside.
#pragma once

#include <string>

namespace driver {

// Has this file removed should the run be ended by SIGINT, SIGTERM, SIGHUP or SIGXCPU.
void* remove_if_interrupted(const std::string& file);
void forget_interrupted(void* remembered);

// Ends the process as failed, with one sentence, and leaves no unfinished file. Chains on other
// threads are not unwound: an exception of one cancels the parallel loops within the others' model,
// which would go on with results that are not there.
[[noreturn]] void fail_at_once(const std::string& sentence);

// From here on the first of those signals is only remembered, so that the run can save its state
// before it ends by it; the second ends it at once.
void hold_signals();
void release_signals();
// The signal that was remembered, or zero.
int asked_to_end();
[[noreturn]] void end_by(int signal);

// Turns a closed pipe and a file size limit into failed writes, which are told in words, opens
// /dev/null where a standard stream is closed, so that no output file takes its number, and ends
// the run with its parent where STANCHION_DIE_WITH_PARENT is set: to 1, or to the parent's process
// id, which also covers a parent that died before the run could ask for it.
void prepare_process();

}  // namespace driver
