// What happens when the run is ended from outside.
#pragma once

#include <string>

namespace driver {

// Has this file removed should the run be ended by SIGINT, SIGTERM, SIGHUP or SIGXCPU.
void* remove_if_interrupted(const std::string& file);
void forget_interrupted(void* remembered);

// Turns a closed pipe and a file size limit into failed writes, which are told in words, opens
// /dev/null where a standard stream is closed, so that no output file takes its number, and ends
// the run with its parent where STANCHION_DIE_WITH_PARENT is set: to 1, or to the parent's process
// id, which also covers a parent that died before the run could ask for it.
void prepare_process();

}  // namespace driver
