//! Advice for words that nobody knows.

/// The nearest known word, if one is near enough to be a slip.
pub fn did_you_mean<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    let distance = |word: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &written.to_lowercase());
    let (near, away) = known.map(|word| (word, distance(word))).min_by_key(|(_, away)| *away)?;
    // All codes are alike; with two digits wrong it is a guess.
    let slips = if near.ends_with(|last: char| last.is_ascii_digit()) { 1 } else { near.chars().count().div_ceil(3) };
    (away <= slips).then(|| format!("did you mean {near}?"))
}
