//! How much memory a review may take once it is parsed: its text says so beforehand.
//!
//! Three bytes, `{},`, become a container of several hundred bytes; a body of 7 MiB that repeats them took 500 MiB. What
//! a review weighs is therefore counted from its structure, and reviews that are decided share a budget.

/// What an object becomes at the most: a container with a finding about it.
const OBJECT: usize = 512;
/// What a list becomes, besides its entries.
const LIST: usize = 32;
/// What an entry of a list or map becomes, besides its text.
const ENTRY: usize = 64;
/// An object takes three bytes at the least.
const SHORTEST: usize = 3;

/// No text of this length weighs more; known without a look at it.
pub(super) fn at_most(length: usize) -> usize {
    length.saturating_mul(1 + (OBJECT + ENTRY).div_ceil(SHORTEST))
}

/// What a JSON text weighs, in bytes: its strings as they are, and its structure as the model keeps it.
pub(super) fn of(text: &[u8]) -> usize {
    let (mut weight, mut in_string) = (text.len(), false);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'{' if !in_string => weight += OBJECT,
            b'[' if !in_string => weight += LIST,
            b',' if !in_string => weight += ENTRY,
            _ => {}
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::{ClaimTemplate, Container, EnvVar, Volume, VolumeMount};

    #[test]
    fn counts_structure_and_not_what_strings_say() {
        assert_eq!(of(b""), 0);
        assert_eq!(of(b"[{},{}]"), 7 + LIST + 2 * OBJECT + ENTRY);
        let quoted = br#"{"a\"{,[{":"\\","b":"{\\\"{"}"#;
        assert_eq!(of(quoted), quoted.len() + OBJECT + ENTRY);
        assert_eq!(of(b"\"{\\"), 3, "a text that breaks off");
    }

    #[test]
    fn no_valid_text_weighs_more_than_its_length_allows() {
        for text in ["[{},{},{},{},{},{},{},{}]".repeat(3), "[[[[[[".to_owned(), "{\"\":{\"\":{".to_owned()] {
            assert!(of(text.as_bytes()) <= at_most(text.len()), "{text}");
        }
    }

    #[test]
    fn an_object_weighs_what_the_model_keeps_of_it() {
        for size in [
            size_of::<Container>(),
            size_of::<ClaimTemplate>(),
            size_of::<Volume>(),
            size_of::<VolumeMount>(),
            size_of::<EnvVar>(),
        ] {
            assert!(size <= OBJECT, "{size}");
        }
    }
}
