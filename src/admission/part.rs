//! The parts of a review: raw text, read only as far as it must be.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::wire;
use crate::kubernetes::ObjectMeta;

/// A part of a request that cannot be read.
pub(super) struct Misread {
    pub(super) part: &'static str,
    /// Why not, free of the part's text.
    pub(super) reason: String,
}

/// Whether nothing is said of an object: it is being deleted, or no API server would store it, for it has no name.
/// Without metadata there would be no place for a record of what was fixed.
pub(super) fn passes(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some() || (metadata.name.is_none() && metadata.generate_name.is_none())
}

/// The metadata of an object, and its spec as text.
pub(super) type Parts<'a> = (ObjectMeta, Option<&'a RawValue>);

/// The old and the new object of an update that touches the spec or one of our annotations on an object that is not
/// being deleted; `None` for all other updates.
///
/// The specs are compared as text: in real reviews an unchanged spec is the same text byte for byte. Metadata is most of
/// a real object and is read once; specs are read only where they changed something.
pub(super) fn changed<'a>(request: &wire::Request<'a>) -> Result<Option<(Parts<'a>, Parts<'a>)>, Misread> {
    let new: wire::Shell<'a> = shell("object", request.object)?;
    if passes(&new.metadata) {
        return Ok(None);
    }
    let old: wire::Shell<'a> = shell("oldObject", request.old_object)?;
    let ours = |metadata: &ObjectMeta| {
        let annotations = metadata.annotations.iter();
        annotations
            .filter(|(key, _)| key.starts_with("stsguard.dev/"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<Vec<_>>()
    };
    if new.spec.map(RawValue::get) == old.spec.map(RawValue::get) && ours(&new.metadata) == ours(&old.metadata) {
        return Ok(None);
    }
    Ok(Some(((old.metadata, old.spec), (new.metadata, new.spec))))
}

/// A part that may be left out or null, and counts as empty then.
pub(super) fn optional<T: DeserializeOwned + Default>(
    part: &'static str,
    raw: Option<&RawValue>,
) -> Result<T, Misread> {
    if raw.is_some() { object(part, raw) } else { Ok(T::default()) }
}

fn shell<'a>(part: &'static str, raw: Option<&'a RawValue>) -> Result<wire::Shell<'a>, Misread> {
    serde_json::from_str(text(part, raw)?).map_err(|error| Misread { part, reason: place(&error) })
}

pub(super) fn object<T: DeserializeOwned>(part: &'static str, raw: Option<&RawValue>) -> Result<T, Misread> {
    serde_json::from_str(text(part, raw)?).map_err(|error| Misread { part, reason: place(&error) })
}

/// The text of a JSON object; a list would otherwise be read as the fields in their order.
fn text<'a>(part: &'static str, raw: Option<&'a RawValue>) -> Result<&'a str, Misread> {
    match raw.map(RawValue::get) {
        Some(text) if text.starts_with('{') => Ok(text),
        // serde reads null as None.
        None => Err(Misread { part, reason: "it is null".to_owned() }),
        Some(_) => Err(Misread { part, reason: "it is no JSON object".to_owned() }),
    }
}

/// Where and in what way JSON is wrong, without its text: that may be a secret.
pub(super) fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a field has the wrong type",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not valid JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}
