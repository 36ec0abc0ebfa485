//! Whether there is memory to compile a module beside the run, which takes many times the module's size. Where a container or
//! the machine has less, the interpreter goes on: slower, but it gets there. Knows files of Linux; elsewhere there is enough.

use std::path::{Path, PathBuf};

use crate::sections::Sections;

/// Bytes that a compiler takes for each function and for each byte of a module, measured with Wasmtime 48.
const PER_FUNCTION: u64 = 14_000;
const PER_BYTE: u64 = 15;
/// Less than that is always tried.
const SMALL: u64 = 64 << 20;

/// Whether a module of this file may be compiled as far as memory goes.
pub(super) fn is_enough(module: &[u8]) -> bool {
    let functions = Sections::read(module).map_or(0, |sections| {
        sections
            .functions
            .iter()
            .map(|s| u64::from(s.count()))
            .sum()
    });
    let needed = functions * PER_FUNCTION + module.len() as u64 * PER_BYTE;
    needed <= SMALL || left().is_none_or(|left| needed <= left)
}

/// Bytes that this process may still take, if there is a bound: of its control groups or of the machine.
fn left() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| available(&text));
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = std::fs::read_to_string("/proc/self/status").ok();
    let own = own.and_then(|text| kilobytes(&text, "VmRSS:")).unwrap_or(0);
    let limits = limit_files(&groups).into_iter().filter_map(|file| {
        // Without a limit there is a word, or no such file.
        std::fs::read_to_string(file).ok()?.trim().parse().ok()
    });
    let group = limits.min().map(|limit: u64| limit.saturating_sub(own));
    machine.into_iter().chain(group).min()
}

/// What `/proc/meminfo` says that programs can have.
fn available(text: &str) -> Option<u64> {
    kilobytes(text, "MemAvailable:")
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

/// The files of limits that hold for a process whose control groups are these: of its own group and of those that it is in. In
/// a container the names are those outside, and its own group is the root.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        for group in Path::new(path).ancestors() {
            let group = group.strip_prefix("/").unwrap_or(group);
            files.push(Path::new(root).join(group).join(name));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_module_is_compiled_anywhere() {
        assert!(is_enough(&wat::parse_str("(module (func))").unwrap()));
        assert!(is_enough(b"no module"));
    }

    #[test]
    fn what_the_machine_has_is_read_in_bytes() {
        let text = "MemTotal:       24684152 kB\nMemAvailable:   21000000 kB\n";
        assert_eq!(available(text), Some(21_000_000 << 10));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn limits_of_all_groups_around_hold() {
        let both = "4:memory:/a/b\n3:cpuset:/\n0::/c\n";
        let files: Vec<String> = limit_files(both)
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        assert_eq!(
            files,
            [
                "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/c/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(limit_files("nonsense"), [] as [PathBuf; 0]);
    }
}
