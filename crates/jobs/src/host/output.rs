//! The streams into which a guest prints.

use crate::job::{Stop, Stream};

/// A stream with a limit.
#[derive(Debug)]
pub(crate) struct Output {
    stream: Stream,
    bytes: Vec<u8>,
    limit: usize,
}

impl Output {
    /// An empty stream.
    pub(crate) fn new(stream: Stream, limit: usize) -> Self {
        Output {
            stream,
            bytes: Vec::new(),
            limit,
        }
    }

    /// What was printed, up to the limit.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Prints.
    ///
    /// # Errors
    /// If it is more than the limit allows; what fits is kept.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let room = self.limit - self.bytes.len();
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        match bytes.len() > room {
            true => Err(Stop::Output(self.stream)),
            false => Ok(()),
        }
    }

    /// The text, without a character that was cut in two by the limit.
    pub(crate) fn text(&self) -> String {
        let whole = match std::str::from_utf8(&self.bytes) {
            Err(error) if error.error_len().is_none() && self.bytes.len() == self.limit => {
                &self.bytes[..error.valid_up_to()]
            }
            _ => &self.bytes,
        };
        String::from_utf8_lossy(whole).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed() {
        let mut output = Output::new(Stream::Stdout, 4);
        assert_eq!(output.write(b"abcd"), Ok(()));
        assert_eq!(output.write(b""), Ok(()));
        assert_eq!(output.write(b"e"), Err(Stop::Output(Stream::Stdout)));
        assert_eq!(output.bytes(), b"abcd");
    }

    #[test]
    fn a_character_is_not_cut() {
        let mut output = Output::new(Stream::Stderr, 4);
        assert!(output.write("abcé".as_bytes()).is_err());
        assert_eq!(output.text(), "abc");
        let mut output = Output::new(Stream::Stderr, 9);
        output.write(b"a\xff").unwrap();
        assert_eq!(output.text(), "a\u{fffd}");
    }
}
