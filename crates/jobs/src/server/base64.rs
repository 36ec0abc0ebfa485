//! Base64 as clients write it: both alphabets, padding or none, lines or none.

use data_encoding::{BASE64, BASE64_NOPAD};

/// The bytes of a text.
///
/// # Errors
/// The place of the first character that does not belong there, counted from 1.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, usize> {
    if let Ok(bytes) = BASE64.decode(text.as_bytes()) {
        return Ok(bytes);
    }
    let mut clean = Vec::with_capacity(text.len());
    // Where the padding begins, and how much there is of it; where the last character before it is.
    let (mut padding, mut pads, mut last) = (0, 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'=' => {
                pads += 1;
                if pads == 1 {
                    padding = at + 1;
                }
                continue;
            }
            _ if pads > 0 => return Err(at + 1),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => clean.push(byte),
            b'-' => clean.push(b'+'),
            b'_' => clean.push(b'/'),
            _ => return Err(text[..floor(text, at)].chars().count() + 1),
        }
        last = at + 1;
    }
    // One character is less than a byte.
    if clean.len() % 4 == 1 {
        return Err(last);
    }
    if pads > 0 && (clean.len() + pads) % 4 != 0 || pads > 2 {
        return Err(padding);
    }
    finish(clean).ok_or(last)
}

/// The bytes of a text in which everything that is not base64 is skipped.
pub(super) fn lenient(text: &str) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    for byte in text.bytes().take_while(|byte| *byte != b'=') {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => clean.push(byte),
            b'-' => clean.push(b'+'),
            b'_' => clean.push(b'/'),
            _ => {}
        }
    }
    finish(clean).unwrap_or_default()
}

/// Decodes characters of one alphabet without padding; bits after the last byte do not matter.
fn finish(mut clean: Vec<u8>) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if clean.len() % 4 == 1 {
        // One character is less than a byte; an original that skips anything skips this too.
        clean.pop();
    }
    let spare = match clean.len() % 4 {
        2 => 0b00_1111,
        3 => 0b00_0011,
        _ => 0,
    };
    if spare != 0
        && let Some(last) = clean.last_mut()
        && let Some(value) = ALPHABET.iter().position(|character| character == last)
    {
        *last = ALPHABET[value & !spare];
    }
    BASE64_NOPAD.decode(&clean).ok()
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding() {
        for text in ["+/8=", "-_8=", "-_8", " +/\n8 =", "+/9"] {
            assert_eq!(decode(text).unwrap(), [0xfb, 0xff], "{text}");
        }
        assert_eq!(decode("").unwrap(), b"");
    }

    #[test]
    fn the_first_wrong_character_is_told() {
        assert_eq!(decode("AAAA!AAA"), Err(5));
        assert_eq!(decode("AA=A"), Err(4));
        assert_eq!(decode("é"), Err(1));
        assert_eq!(decode("A"), Err(1));
        assert_eq!(decode("AAAA\nA\n"), Err(6));
        assert_eq!(decode("===="), Err(1));
        assert_eq!(decode("AAAA===="), Err(5));
        assert_eq!(decode("AAA=="), Err(4));
        assert_eq!(decode("AA="), Err(3));
    }

    #[test]
    fn the_lenient_form_skips_what_it_does_not_know() {
        assert_eq!(lenient("!A!A!A!A!"), [0, 0, 0]);
        assert_eq!(lenient("!!!!"), b"");
        assert_eq!(lenient("AAAAA"), [0, 0, 0]);
    }
}
