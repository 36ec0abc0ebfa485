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
        let last = self.bytes.utf8_chunks().last().map(|chunk| chunk.invalid());
        // More bytes could have made a character of it.
        let begun = last.filter(|last| {
            std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none())
        });
        let cut = match self.bytes.len() == self.limit {
            true => begun.map_or(0, <[u8]>::len),
            false => 0,
        };
        let whole = &self.bytes[..self.bytes.len() - cut];
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
        // Whatever came before it.
        let mut output = Output::new(Stream::Stderr, 3);
        assert!(output.write(b"\xffa\xc3\xa9").is_err());
        assert_eq!(output.text(), "\u{fffd}a");
        let mut output = Output::new(Stream::Stderr, 9);
        output.write(b"a\xff").unwrap();
        assert_eq!(output.text(), "a\u{fffd}");
    }
}
