//! The keys by which the machine and a kernel talk (kernel-debugger.md, section 3.3).

use std::sync::LazyLock;

use crate::storage::Path;

/// The kernel that runs next.
pub static KERNEL: LazyLock<Path> = LazyLock::new(|| Path::known("/kernel/boot.wasm"));
/// There when another run is wanted; the machine puts it there for the next level.
pub static REBOOT: LazyLock<Path> = LazyLock::new(|| Path::known("/kernel/env/reboot"));
/// The version's name.
pub static VERSION: LazyLock<Path> = LazyLock::new(|| Path::known("/readonly/wasm_version"));
/// The last kernel that got to run.
pub static FALLBACK: LazyLock<Path> = LazyLock::new(|| Path::known("/readonly/kernel/boot.wasm"));
/// There when the last run trapped.
pub static STUCK: LazyLock<Path> = LazyLock::new(|| Path::known("/readonly/kernel/env/stuck"));
/// There when the last upgrade was taken back.
pub static UPGRADE_ERROR: LazyLock<Path> =
    LazyLock::new(|| Path::known("/readonly/kernel/env/upgrade_error"));
/// There when a level wanted more runs than it could have.
pub static TOO_MANY_REBOOTS: LazyLock<Path> =
    LazyLock::new(|| Path::known("/readonly/kernel/env/too_many_reboot"));
/// The runs that are left, four bytes, little-endian.
pub static REBOOT_COUNTER: LazyLock<Path> =
    LazyLock::new(|| Path::known("/readonly/kernel/env/reboot_counter"));
