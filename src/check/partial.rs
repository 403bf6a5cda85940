//! Parts of objects: patches for another object, as Kustomize has them.

use serde_json::{Map, Value};

/// Whether a spec leaves out what no API server accepts it without: the selector, the containers, an image.
pub(super) fn is_part(api_version: &str, spec: &Map<String, Value>) -> bool {
    // The first beta API took the selector from the template's labels.
    let selector_needed = !api_version.ends_with("v1beta1");
    if selector_needed && spec.get("selector").is_none_or(Value::is_null) {
        return true;
    }
    let pod = spec.get("template").and_then(|template| template.get("spec")).unwrap_or(&Value::Null);
    let lacks_image = |container: &Value| container.is_object() && is_empty(container.get("image"));
    let lists = ["containers", "initContainers"].map(|list| pod.get(list));
    is_empty(lists[0]) || lists.into_iter().flatten().filter_map(Value::as_array).flatten().any(lacks_image)
}

/// Whether a field is missing or says nothing.
pub(super) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

/// Whether there are directives of a strategic merge patch in it.
pub(super) fn is_patch(value: &Value) -> bool {
    const DIRECTIVES: [&str; 4] = ["$patch", "$retainKeys", "$setElementOrder", "$deleteFromPrimitiveList"];
    match value {
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| DIRECTIVES.iter().any(|directive| key.starts_with(directive)) || is_patch(value)),
        Value::Array(list) => list.iter().any(is_patch),
        _ => false,
    }
}
