//! Anchors and what aliases unfold to, within bounds: a few lines can name more values than there is memory for, and nest
//! them deeper than there is stack for.

use std::collections::HashMap;

use serde_json::Value;

use super::DEPTH;

/// How many values, and how many bytes of text, anchors and aliases may copy.
const COPIED_VALUES: usize = 400_000;
const COPIED_BYTES: usize = 64 << 20;

/// The values that anchors name.
#[derive(Default)]
pub(super) struct Anchors {
    named: HashMap<usize, (Value, Weight)>,
    copied_values: usize,
    copied_bytes: usize,
}

/// What it takes to copy a value.
#[derive(Clone, Copy)]
struct Weight {
    values: usize,
    bytes: usize,
    /// How many levels there are below it, all aliases unfolded.
    depth: usize,
}

impl Anchors {
    /// Keeps a value under an anchor.
    pub(super) fn name(&mut self, id: usize, value: &Value) -> Result<(), &'static str> {
        let weight = weigh(value);
        self.spend(weight)?;
        self.named.insert(id, (value.clone(), weight));
        Ok(())
    }

    /// A copy of the value that an alias stands for, to be put `depth` levels below the document.
    pub(super) fn unfold(&mut self, id: usize, depth: usize) -> Result<Value, &'static str> {
        let (_, weight) = self.named.get(&id).ok_or("this alias stands inside what it names")?;
        if depth + weight.depth > DEPTH {
            return Err("the document is nested too deep where this alias is unfolded");
        }
        self.spend(*weight)?;
        Ok(self.named[&id].0.clone())
    }

    /// Counts a copy before it is made.
    fn spend(&mut self, weight: Weight) -> Result<(), &'static str> {
        self.copied_values += weight.values;
        self.copied_bytes += weight.bytes;
        if self.copied_values > COPIED_VALUES || self.copied_bytes > COPIED_BYTES {
            return Err("the document's aliases unfold to too much");
        }
        Ok(())
    }
}

impl Weight {
    /// With another value one level below.
    fn around(self, part: Self) -> Self {
        Self {
            values: self.values + part.values,
            bytes: self.bytes + part.bytes,
            depth: self.depth.max(part.depth + 1),
        }
    }
}

/// Goes as deep as the value, which is never deeper than a document may be.
fn weigh(value: &Value) -> Weight {
    let alone = |bytes| Weight { values: 1, bytes, depth: 0 };
    match value {
        Value::String(text) => alone(text.len()),
        Value::Array(list) => list.iter().map(weigh).fold(alone(0), Weight::around),
        Value::Object(map) => map.values().map(weigh).fold(alone(map.keys().map(String::len).sum()), Weight::around),
        Value::Null | Value::Bool(_) | Value::Number(_) => alone(0),
    }
}
