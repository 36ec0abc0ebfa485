//! Keys of durable storage: their syntax and limits (kernel-debugger.md, section 3.1). No storage here.

use thiserror::Error;

/// The longest key in bytes. The SDK's constant says 242, the machine refuses from 241 on.
pub const MAX_KEY: usize = 240;

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Longer than [`MAX_KEY`] bytes.
    #[error("Invalid key: longer than {MAX_KEY} bytes")]
    TooLarge,
    /// Not `/step/step`, or a character that keys cannot have.
    #[error("Invalid key")]
    Invalid,
}

/// A key: no steps are the root, which is there but cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(String);

impl Path {
    /// Reads a key as a kernel gives it; no bytes at all are the root.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() > MAX_KEY {
            return Err(KeyError::TooLarge);
        }
        let step = |step: &[u8]| {
            !step.is_empty()
                && step
                    .iter()
                    .all(|c| c.is_ascii_alphanumeric() || b".-_".contains(c))
        };
        match bytes {
            [] => Ok(Self(String::new())),
            [b'/', steps @ ..] if steps.split(|c| *c == b'/').all(step) => {
                Ok(Self(String::from_utf8_lossy(bytes).into_owned()))
            }
            _ => Err(KeyError::Invalid),
        }
    }

    /// A key that stands in this program. Panics on a wrong one, which a test would find.
    pub fn known(text: &'static str) -> Self {
        Self::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// The root.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// The key's text; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names between the slashes.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }

    /// Whether kernels may not change it: the root, and what is under `/readonly`.
    pub fn is_read_only(&self) -> bool {
        self.steps().next().is_none_or(|first| first == "readonly")
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_to_the_published_syntax() {
        let long = format!("/{}", "a".repeat(239));
        for good in ["", "/a", "/a/b.c-d_E/9", "/../..", "/readonly2", &long] {
            assert!(Path::parse(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [
            "/", "a", "a/b", "//", "/a/", "/a//b", "/a b", "/a@", "/ä", "/a\0",
        ] {
            assert_eq!(Path::parse(bad.as_bytes()), Err(KeyError::Invalid), "{bad}");
        }
        let longer = format!("{long}a");
        assert_eq!(Path::parse(longer.as_bytes()), Err(KeyError::TooLarge));
    }

    #[test]
    fn only_the_root_and_the_first_step_readonly_are_read_only() {
        for (key, read_only) in [
            ("", true),
            ("/readonly", true),
            ("/readonly/x", true),
            ("/readonly2", false),
            ("/a/readonly", false),
        ] {
            let path = Path::parse(key.as_bytes()).unwrap();
            assert_eq!(path.is_read_only(), read_only, "{key}");
        }
    }
}
