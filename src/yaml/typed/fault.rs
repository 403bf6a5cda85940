//! What serde reports, put into words that hold nothing of the value.

use std::fmt;

use serde::de;

/// What went wrong, and the steps to it, innermost first.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) steps: Vec<String>,
    pub(super) message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { steps: Vec::new(), message: message.to_string() }
    }

    fn invalid_type(found: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        let (found, advice) = match found {
            de::Unexpected::Bool(_) => ("a boolean", " (quote it if text is meant)"),
            de::Unexpected::Unsigned(_) | de::Unexpected::Signed(_) => ("a number", " (quote it if text is meant)"),
            de::Unexpected::Float(_) => ("a number with a fraction", ""),
            de::Unexpected::Str(_) => ("text", " (a number or boolean must not be quoted)"),
            de::Unexpected::Seq => ("a list", ""),
            de::Unexpected::Map => ("a mapping", ""),
            _ => ("of another kind", ""),
        };
        let wanted = wanted.to_string();
        let (wanted, advice) = match wanted.as_str() {
            "a string" => ("text", advice),
            "i32" | "i64" | "u32" | "u64" => ("a whole number", advice),
            "a boolean" => ("true or false", advice),
            "a map" => ("a mapping", ""),
            "a sequence" => ("a list", ""),
            other if other.starts_with("struct ") => ("a mapping", ""),
            other => (other, ""),
        };
        Self { steps: Vec::new(), message: format!("is {found}, but must be {wanted}{advice}") }
    }

    fn invalid_value(_: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self { steps: Vec::new(), message: format!("is out of range for {wanted}") }
    }
}
