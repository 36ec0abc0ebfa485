//! How long lines and scripts may be.

/// The longest line, in bytes without its end (the contract's "a line may be 16 MiB long").
pub const MAX_LINE_BYTES: usize = 16 << 20;

/// The longest script, in bytes. Whoever reads one refuses more.
pub const MAX_SCRIPT_BYTES: usize = 1 << 30;
