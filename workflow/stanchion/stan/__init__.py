"""Stan programs, and CmdStan: reading, compiling, running, its toolchain."""
