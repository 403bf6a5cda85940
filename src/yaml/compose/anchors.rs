//! Anchors and what aliases unfold to, within bounds: a few lines can name more values than there is memory for.

use std::collections::HashMap;

use serde_json::Value;

/// How many values, and how many bytes of text, anchors and aliases may copy.
const COPIED_VALUES: usize = 400_000;
const COPIED_BYTES: usize = 64 << 20;

/// The values that anchors name.
#[derive(Default)]
pub(super) struct Anchors {
    named: HashMap<usize, (Value, Weight)>,
    copied: Weight,
}

/// What it takes to copy a value.
#[derive(Clone, Copy, Default)]
struct Weight {
    values: usize,
    bytes: usize,
}

impl Anchors {
    /// Keeps a value under an anchor.
    pub(super) fn name(&mut self, id: usize, value: &Value) -> Result<(), &'static str> {
        let weight = weigh(value);
        self.spend(weight)?;
        self.named.insert(id, (value.clone(), weight));
        Ok(())
    }

    /// A copy of the value that an alias stands for.
    pub(super) fn unfold(&mut self, id: usize) -> Result<Value, &'static str> {
        let (_, weight) = self.named.get(&id).ok_or("this alias stands inside what it names")?;
        self.spend(*weight)?;
        Ok(self.named[&id].0.clone())
    }

    /// Counts a copy before it is made.
    fn spend(&mut self, weight: Weight) -> Result<(), &'static str> {
        self.copied = self.copied.plus(weight);
        if self.copied.values > COPIED_VALUES || self.copied.bytes > COPIED_BYTES {
            return Err("the document's aliases unfold to too much");
        }
        Ok(())
    }
}

impl Weight {
    fn plus(self, other: Self) -> Self {
        Self { values: self.values + other.values, bytes: self.bytes + other.bytes }
    }
}

fn weigh(value: &Value) -> Weight {
    let one = |bytes| Weight { values: 1, bytes };
    match value {
        Value::String(text) => one(text.len()),
        Value::Array(list) => list.iter().map(weigh).fold(one(0), Weight::plus),
        Value::Object(map) => map
            .iter()
            .fold(one(0), |sum, (key, value)| sum.plus(Weight { values: 0, bytes: key.len() }).plus(weigh(value))),
        Value::Null | Value::Bool(_) | Value::Number(_) => one(0),
    }
}
