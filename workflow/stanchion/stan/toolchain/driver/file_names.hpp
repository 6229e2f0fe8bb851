// Which files a run of several chains reads and writes: CmdStan's rules.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace driver {

// Names for `count` outputs from what the user gave: a list with commas as it stands; else
// name + tag + suffix, and before the suffix _ID where there are several. A tag may be "_metric".
std::vector<std::string> output_names(const std::string& given, const std::string& tag,
                                      const std::string& suffix, unsigned int count,
                                      unsigned int first_id, bool keep_suffix = true);

// Names for `count` inputs: a list with commas, or name_ID for each; failing those, where
// `shared` allows it, the one name for all, with a warning.
std::vector<std::string> input_names(const std::string& given, unsigned int count,
                                     unsigned int first_id, bool shared);

// Devices and pipes, which take no suffix and are not renamed to.
bool is_device(const std::string& name);

// "name" and ".csv" of "name.csv".
std::pair<std::string, std::string> split_suffix(const std::string& name);

}  // namespace driver
