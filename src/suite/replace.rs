//! Writing a file as a whole, so that a full disk or a signal leaves the old one as it was.

use std::io::Write;
use std::path::Path;

use anyhow::Context;

/// Writes a file beside its place and moves it there. What a link names is replaced, not the link; a device or a pipe is
/// written to as it is.
///
/// # Errors
/// The system's; the old file is then untouched.
pub fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let named = std::fs::canonicalize(path);
    let path = named.as_deref().unwrap_or(path);
    if std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
        let device = std::fs::OpenOptions::new().write(true).open(path);
        let mut device = device.with_context(cannot)?;
        return device.write_all(content).with_context(cannot);
    }
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

/// Whether [`replace`] would find a place for a file, which is not touched.
///
/// # Errors
/// The system's.
pub fn check_replaceable(path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let named = std::fs::canonicalize(path);
    let path = named.as_deref().unwrap_or(path);
    if let Ok(metadata) = std::fs::metadata(path) {
        anyhow::ensure!(!metadata.is_dir(), "{}: it is a directory", cannot());
        if !metadata.is_file() {
            let device = std::fs::OpenOptions::new().write(true).open(path);
            return device.map(drop).with_context(cannot);
        }
    }
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).with_context(cannot)?;
    let file = tempfile::Builder::new()
        .prefix(".drun-")
        .tempfile_in(directory);
    file.map(drop).with_context(cannot)
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

    #[cfg(unix)]
    #[test]
    fn what_a_link_names_is_replaced_and_the_link_stays() {
        let directory = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| directory.path().join(name));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        replace(Path::new("/dev/null"), b"gone").unwrap();
    }

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
        for check in [
            check_replaceable(&path),
            check_replaceable(&path.with_extension("new")),
        ] {
            check.unwrap();
        }
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
        let directory = check_replaceable(path.parent().unwrap()).unwrap_err();
        assert!(directory.to_string().ends_with(": it is a directory"));
        check_replaceable(Path::new("/proc/nowhere/a.ok")).unwrap_err();
        let error = replace(Path::new("/proc/nowhere/a.ok"), b"").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("cannot write /proc/nowhere/a.ok")
        );
    }
}
