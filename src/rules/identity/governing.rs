//! Which Service a set can have as its governing one.

use crate::kubernetes::StatefulSet;
use crate::rule::Context;

/// The name of the set's governing Service; none where it is unset, or where STS109 says that no Service can have it.
pub(super) fn governing<'s>(set: &'s StatefulSet, cx: &Context<'_>) -> Option<&'s str> {
    set.service_name().filter(|name| !is_impossible(name, cx))
}

/// Whether no Service can have this name: it is no DNS-1123 label. What a file leaves to be filled in is not known.
pub(super) fn is_impossible(name: &str, cx: &Context<'_>) -> bool {
    let is_filled_in_later = cx.occasion.is_in_files() && name.contains(['$', '{', '}']);
    !is_label(name) && !is_filled_in_later
}

/// Whether it is a DNS-1123 label.
fn is_label(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(is_inner) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::is_label;

    #[test]
    fn knows_labels() {
        for name in ["db", "0", "a-b", "3d-2", &"a".repeat(63)] {
            assert!(is_label(name), "{name}");
        }
        for name in ["", "db.shop", "Db", "-db", "db-", "d_b", "db ", &"a".repeat(64), "dß"] {
            assert!(!is_label(name), "{name}");
        }
    }
}
