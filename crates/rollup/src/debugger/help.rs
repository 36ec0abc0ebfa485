//! What `help` prints.

/// A paragraph for each command, in the order of the original.
pub(super) const HELP: &str = "\
  time <command>: runs a command and tells how long it took.

  show inbox: lists the messages that the kernel has not read yet.

  show outbox at level <level>: lists the messages that the kernel wrote at a level.

  show status: tells what the machine waits for and where it is in its course.

  show durable storage: lists every key of the durable storage with its value, in hexadecimal digits.

  show subkeys [<path>], ls [<path>]: lists the keys directly under a path, `/` if none is given.

  show key <key> [as <kind>]: prints a value; <kind> is hex (the default), string, u16, i32, i64, u128 or u256.

  dump function symbols: lists the names of functions that the kernel's module holds.

  step <unit>: runs the kernel; <unit> is tick, result (to the end of `kernel_run`, whose memory can then be seen),
  kernel_run (with all its ticks) or inbox (to the end of the level; the next one is loaded if none is under way).

  load inputs: loads the messages of the next level.

  reveal preimage [<hex>]: answers the kernel that waits for a preimage, from its file or with the given bytes.

  reveal metadata: answers the kernel that waits for the rollup's metadata.

  stop: ends the session.

  profile [--collapsed] [--without-time] [--no-reboot] [--flamegraph]: runs the next level step by step and tells
  where the ticks went: a file of folded stacks, and a table of phases.

  show memory at <address> for <length> bytes [as string], show memory at <address> as <kind>: prints a part of the
  kernel's memory. Numbers are decimal, or begin with 0x, 0o or 0b.

  help, man: prints this.
";
