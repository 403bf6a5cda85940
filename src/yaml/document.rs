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

/// A key that stands in its mapping a second time; the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateKey {
    /// Where, in bytes from the start of the whole text.
    pub offset: usize,
    /// The key.
    pub name: String,
}

/// What a document holds.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// The value, as JSON; null when the document is empty.
    pub value: Value,
    /// Keys written more than once.
    pub duplicates: Vec<DuplicateKey>,
}

/// One document of a text.
#[derive(Debug, Clone, Copy)]
pub struct Document<'t> {
    text: &'t str,
    start: usize,
    notation: Notation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notation {
    Yaml,
    Json,
    /// YAML after a line that starts with `---` and goes on: kubectl refuses it.
    BadSeparator,
}

/// Splits a text into its documents, as kubectl does: at lines that start with `---`, or between JSON values.
pub fn documents(text: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    split(text, 0, &mut documents);
    documents
}

/// White space, and the byte order mark that some editors put first.
fn is_filler(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

fn split<'t>(text: &'t str, base: usize, documents: &mut Vec<Document<'t>>) {
    if !text.trim_start_matches(is_filler).starts_with('{') || !split_json(text, base, documents) {
        split_yaml(text, base, documents);
    }
}

/// Splits JSON values one after another; says no if not even the first is JSON, because it may be YAML in braces.
fn split_json<'t>(text: &'t str, base: usize, documents: &mut Vec<Document<'t>>) -> bool {
    let skipped = text.len() - text.trim_start_matches(is_filler).len();
    let mut values: StreamDeserializer<'_, StrRead<'_>, IgnoredAny> =
        serde_json::Deserializer::from_str(&text[skipped..]).into_iter();
    let mut start = skipped;
    while let Some(value) = values.next() {
        let end = skipped + values.byte_offset();
        if value.is_ok() {
            start += text[start..end].len() - text[start..end].trim_start().len();
            documents.push(Document { text: &text[start..end], start: base + start, notation: Notation::Json });
            start = end;
            continue;
        }
        if start == skipped {
            return false;
        }
        start += text[start..].len() - text[start..].trim_start().len();
        if text[start..].starts_with("---") {
            split_yaml(&text[start..], base + start, documents);
        } else {
            // The rest is one document that will say what is wrong with it.
            documents.push(Document { text: &text[start..], start: base + start, notation: Notation::Json });
        }
        break;
    }
    true
}

fn split_yaml<'t>(text: &'t str, base: usize, documents: &mut Vec<Document<'t>>) {
    let mut notation = Notation::Yaml;
    let mut start = 0;
    let mut offset = 0;
    let mut push = |range: Range<usize>, notation| {
        let text = &text[range.clone()];
        if notation == Notation::BadSeparator || holds_something(text) {
            documents.push(Document { text, start: base + range.start, notation });
        }
    };
    for line in text.split_inclusive('\n') {
        let next = offset + line.len();
        if let Some(rest) = line.trim_start_matches('\u{feff}').strip_prefix("---") {
            push(start..offset, notation);
            let clean = rest.trim().is_empty() || rest.trim_start().starts_with('#');
            (start, notation) = if clean { (next, Notation::Yaml) } else { (offset, Notation::BadSeparator) };
        }
        offset = next;
    }
    push(start..text.len(), notation);
}

/// Whether there is more than comments, directives and an end mark.
fn holds_something(text: &str) -> bool {
    let mut lines = text.lines().map(|line| line.trim_matches(is_filler));
    lines.any(|line| !line.is_empty() && !line.starts_with(['#', '%']) && line != "...")
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
        match self.notation {
            Notation::Yaml => {
                let mut composer = Composer::new(self.text, self.start);
                let value = composer.compose()?;
                Ok(Read { value, duplicates: composer.into_duplicates() })
            }
            Notation::Json => match serde_json::from_str(self.text) {
                Ok(value) => Ok(Read { value, duplicates: Vec::new() }),
                Err(error) => Err(self.invalid_json(&error)),
            },
            Notation::BadSeparator => {
                let message = "after --- nothing but a comment may stand on the line".to_owned();
                Err(Unparsable { offset: self.start, message })
            }
        }
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
