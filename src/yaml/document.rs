//! One document of a text: split as kubectl splits, read fast, and read again with places when they are asked for.

use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::{StreamDeserializer, Value, de::StrRead};
use thiserror::Error;

use super::compose::Composer;
use super::place::Places;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Unparsable {
    /// Where, in bytes from the start of the whole text.
    pub offset: usize,
    /// What is wrong; holds nothing of the text but punctuation.
    pub message: String,
}

/// Something about a document that its author should know although it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where, in bytes from the start of the whole text.
    pub offset: usize,
    /// What.
    pub message: String,
}

/// What a document holds.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// The value, as JSON; null when the document is empty.
    pub value: Value,
    /// What its author should know.
    pub notes: Vec<Note>,
}

/// One document of a text.
#[derive(Debug, Clone, Copy)]
pub struct Document<'t> {
    text: &'t str,
    start: usize,
    json: bool,
}

/// Splits a text into its documents, as kubectl does: at lines that start with `---`, or between JSON values.
pub fn documents(text: &str) -> Vec<Document<'_>> {
    if text.trim_start_matches(is_filler).starts_with('{')
        && let Some(documents) = json_documents(text)
    {
        return documents;
    }
    yaml_documents(text)
}

/// White space, and the byte order mark that some editors put first.
fn is_filler(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

/// The JSON values one after another; `None` if not even the first is JSON, because it may be YAML in braces.
fn json_documents(text: &str) -> Option<Vec<Document<'_>>> {
    let base = text.len() - text.trim_start_matches(is_filler).len();
    let mut values: StreamDeserializer<'_, StrRead<'_>, IgnoredAny> =
        serde_json::Deserializer::from_str(&text[base..]).into_iter();
    let mut documents = Vec::new();
    let mut start = base;
    while let Some(value) = values.next() {
        let end = match value {
            Ok(_) => base + values.byte_offset(),
            Err(_) if documents.is_empty() => return None,
            // The rest is one document that will say what is wrong with it.
            Err(_) => text.len(),
        };
        start += text[start..end].len() - text[start..end].trim_start().len();
        documents.push(Document { text: &text[start..end], start, json: true });
        start = end;
        if end == text.len() {
            break;
        }
    }
    Some(documents)
}

fn yaml_documents(text: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let mut start = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let next = offset + line.len();
        if is_separator(line) {
            documents.push(start..offset);
            start = next;
        }
        offset = next;
    }
    documents.push(start..text.len());
    let holds_something = |range: &Range<usize>| {
        let mut lines = text[range.clone()].lines().map(|line| line.trim_matches(is_filler));
        lines.any(|line| !line.is_empty() && !line.starts_with(['#', '%']) && line != "...")
    };
    let whole = |range: Range<usize>| Document { text: &text[range.clone()], start: range.start, json: false };
    documents.into_iter().filter(holds_something).map(whole).collect()
}

fn is_separator(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').strip_prefix("---").is_some_and(|rest| {
        let rest = rest.trim();
        rest.is_empty() || rest.starts_with('#')
    })
}

impl<'t> Document<'t> {
    /// Where the document starts, in bytes from the start of the whole text.
    pub fn start(&self) -> usize {
        self.start
    }

    /// The document's own text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Reads the document.
    ///
    /// # Errors
    /// What kubectl could not parse either, nesting deeper than 255, and aliases that unfold without measure.
    pub fn read(&self) -> Result<Read, Unparsable> {
        if self.json {
            return match serde_json::from_str(self.text) {
                Ok(value) => Ok(Read { value, notes: Vec::new() }),
                Err(error) => Err(self.invalid_json(&error)),
            };
        }
        let mut composer = Composer::new(self.text, self.start);
        let value = composer.compose()?;
        Ok(Read { value, notes: composer.into_notes() })
    }

    /// Where the document's values stand; only their common start is known if the text cannot be traced.
    pub fn places(&self) -> Places {
        let mut composer = Composer::new(self.text, self.start).tracing();
        // JSON is read as YAML for its places; the few texts that are one but not the other point at their start.
        let traced = composer.compose().is_ok();
        if traced { composer.into_places() } else { Places::starting_at(self.first_byte()) }
    }

    fn first_byte(&self) -> usize {
        self.start + (self.text.len() - self.text.trim_start_matches(is_filler).len())
    }

    /// What is wrong with JSON, without the words of serde_json that quote the text.
    fn invalid_json(&self, error: &serde_json::Error) -> Unparsable {
        let lines = self.text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let offset = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        let message = match error.classify() {
            serde_json::error::Category::Eof => "the JSON ends too early",
            _ if error.to_string().starts_with("recursion limit") => "the JSON is nested too deep",
            _ => "this is not valid JSON",
        };
        Unparsable { offset: self.start + offset.min(self.text.len()), message: message.to_owned() }
    }
}
