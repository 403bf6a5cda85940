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

/// An upper bound of [`of`] in a fifteenth of its time: it counts all structure, also what only looks like it in strings and
/// what is kept as text.
pub(super) fn at_most(text: &[u8]) -> usize {
    // A chunk is so short that its counts fit into a byte each: then the compiler counts many bytes with one instruction.
    let weights = text.chunks(usize::from(u8::MAX)).map(|chunk| {
        let count = |wanted: u8| usize::from(chunk.iter().map(|byte| u8::from(*byte == wanted)).sum::<u8>());
        OBJECT * count(b'{') + LIST * count(b'[') + ENTRY * count(b',')
    });
    text.len() + weights.sum::<usize>()
}

/// A field that is kept as the text that it is. It is where real objects have most of their braces.
const KEPT_AS_TEXT: &[u8] = b"\"managedFields\":";

/// What a JSON text weighs, in bytes: its strings as they are, and its structure as the model keeps it.
pub(super) fn of(text: &[u8]) -> usize {
    let (mut weight, mut depth, mut in_string) = (text.len(), 0_usize, false);
    // The depth at which a field that is kept as text begins.
    let mut plain = None;
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if in_string {
            match byte {
                b'\\' => drop(bytes.next()),
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        let counted = plain.is_none();
        match byte {
            b'"' => {
                in_string = true;
                if counted && text[at..].starts_with(KEPT_AS_TEXT) {
                    plain = Some(depth);
                }
            }
            b'{' | b'[' => {
                depth += 1;
                weight += usize::from(counted) * if *byte == b'{' { OBJECT } else { LIST };
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                plain = plain.filter(|begun| depth > *begun);
            }
            b',' => {
                plain = plain.filter(|begun| depth > *begun);
                weight += usize::from(plain.is_none()) * ENTRY;
            }
            _ => {}
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::{ClaimTemplate, Container, EnvVar, Probe, Volume, VolumeMount};

    #[test]
    fn counts_structure_and_not_what_strings_say() {
        assert_eq!(of(b""), 0);
        assert_eq!(of(b"[{},{}]"), 7 + LIST + 2 * OBJECT + ENTRY);
        let quoted = br#"{"a\"{,[{":"\\","b":"{\\\"{"}"#;
        assert_eq!(of(quoted), quoted.len() + OBJECT + ENTRY);
        assert_eq!(of(b"\"{\\"), 3, "a text that breaks off");
    }

    #[test]
    fn counts_nothing_in_what_is_kept_as_text() {
        let fields = br#"{"managedFields":[{"f":{},"g":{}},{}],"a":{}}"#;
        assert_eq!(of(fields), fields.len() + 2 * OBJECT + ENTRY);
        let none = br#"{"managedFields":null,"a":{}}"#;
        assert_eq!(of(none), none.len() + 2 * OBJECT + ENTRY);
        let last = br#"[{"a":{"managedFields":null}},{}]"#;
        assert_eq!(of(last), last.len() + LIST + 3 * OBJECT + ENTRY);
        let value = br#"{"a":"managedFields","b":{}}"#;
        assert_eq!(of(value), value.len() + 2 * OBJECT + ENTRY, "no key");
    }

    #[test]
    fn weighs_at_most_what_it_would_without_strings() {
        for text in ["", "[{},{},{},{},{},{},{},{}]", "[[[[[[", "{\"\":{\"\":{"] {
            let long = text.repeat(300);
            assert_eq!(of(long.as_bytes()), at_most(long.as_bytes()), "{text}");
        }
        for text in ["{\"a\":\"{\"}", "{\"managedFields\":[{}]}", "\"\\\",{["] {
            assert!(of(text.as_bytes()) < at_most(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn an_object_weighs_what_the_model_keeps_of_it() {
        for size in [
            size_of::<Container>(),
            size_of::<Probe>(),
            size_of::<ClaimTemplate>(),
            size_of::<Volume>(),
            size_of::<VolumeMount>(),
            size_of::<EnvVar>(),
        ] {
            assert!(size <= OBJECT, "{size}");
        }
    }
}
