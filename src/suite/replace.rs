//! Writing a file as a whole, so that a full disk or a signal leaves the old one as it was.

use std::io::Write;
use std::path::Path;

use anyhow::Context;

/// Writes a file beside its place and moves it there.
///
/// # Errors
/// The system's; the old file is then untouched.
pub fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).with_context(cannot)?;
    let mut file = tempfile::Builder::new()
        .prefix(".drun-")
        .tempfile_in(directory)
        .with_context(cannot)?;
    file.write_all(content).with_context(cannot)?;
    let permissions = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => new_file_permissions(file.as_file()).with_context(cannot)?,
    };
    file.as_file()
        .set_permissions(permissions)
        .with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}

/// Temporary files belong to their maker alone; an expected output is for everybody.
#[cfg(unix)]
fn new_file_permissions(_file: &std::fs::File) -> std::io::Result<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn new_file_permissions(file: &std::fs::File) -> std::io::Result<std::fs::Permissions> {
    Ok(file.metadata()?.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_directories_are_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ok/a.ok");
        for content in ["old\n", "new\n"] {
            replace(&path, content.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(
            std::fs::read_dir(directory.path().join("ok"))
                .unwrap()
                .count(),
            1
        );
        let error = replace(Path::new("/proc/nowhere/a.ok"), b"").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("cannot write /proc/nowhere/a.ok")
        );
    }
}
