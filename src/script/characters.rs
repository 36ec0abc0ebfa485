//! What characters are to a script and to a terminal.
//!
//! Owns which of them separate fields, which one stands for a harmful one, and how wide they are.

/// Whether the character separates fields.
pub(super) fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// The characters of bytes that may not be UTF-8; each bad sequence is one replacement character.
pub(super) fn characters(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let bad = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        chunk.valid().chars().chain(bad)
    })
}

/// The character that stands for `c` on a terminal: one for one, so that columns stay true, and never one that moves
/// the cursor, changes the direction or is invisible.
pub(super) fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        // The pictures of the control characters have the same order as the characters.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => '\u{fffd}',
        _ => c,
    }
}

/// How many columns of a terminal the characters take: marks above letters none, East Asian characters and emoji two.
pub(super) fn columns(text: &[char]) -> usize {
    let width = |c: &char| match c {
        '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    };
    text.iter().map(width).sum()
}
