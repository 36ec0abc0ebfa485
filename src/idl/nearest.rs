//! Which known word a misspelled one was probably meant to be.

/// The word of a list that looks most like this one, at most two letters away.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known
        .into_iter()
        .map(|known| (distance(word, known), known))
        .filter(|(distance, known)| *distance <= 2 && *distance < known.len());
    distances.min().map(|(_, known)| known)
}

/// How many letters must be put in, left out or changed to make one word of the other (Levenshtein), whatever their
/// case.
pub fn distance(word: &str, keyword: &str) -> usize {
    // More than twice as long is as far away as it can be; and a line may be one word of megabytes.
    if word.len() > 2 * keyword.len() {
        return usize::MAX;
    }
    // row[n]: the distance between the letters of `word` so far and the first n of `keyword`.
    let mut row: Vec<usize> = (0..=keyword.len()).collect();
    for (count, letter) in word.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = count + 1;
        for (n, other) in keyword.bytes().enumerate() {
            let changed = diagonal + usize::from(!letter.eq_ignore_ascii_case(&other));
            diagonal = row[n + 1];
            row[n + 1] = changed.min(row[n] + 1).min(row[n + 1] + 1);
        }
    }
    row[keyword.len()]
}
