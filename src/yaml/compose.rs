//! From parser events to one JSON value, with duplicate keys and, on request, places.

mod anchors;

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use serde_json::{Map, Value};

use self::anchors::Anchors;
use super::document::{DuplicateKey, Unparsable};
use super::place::{Mark, Places};
use super::scalar;

/// How deep a document may be nested; the deepest manifests in use stay below fifty.
const DEPTH: usize = 255;
/// Composes one document.
pub(super) struct Composer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Where the document starts in the whole text, in bytes.
    base: usize,
    anchors: Anchors,
    duplicates: Vec<DuplicateKey>,
    places: Option<Places>,
    /// The JSON pointer of the value being composed; kept only while tracing.
    pointer: String,
}

type Composed<T> = Result<T, Unparsable>;

impl<'t> Composer<'t> {
    /// A composer of the document `text`, which starts at byte `base` of the whole text.
    pub(super) fn new(text: &'t str, base: usize) -> Self {
        let mut options = granit_parser::options! {
            flow_nesting_limit: DEPTH,
            block_nesting_limit: DEPTH,
        };
        options.set_emit_comments(false);
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            base,
            anchors: Anchors::default(),
            duplicates: Vec::new(),
            places: None,
            pointer: String::new(),
        }
    }

    /// Also keeps where each value stands.
    pub(super) fn tracing(mut self) -> Self {
        self.places = Some(Places::default());
        self
    }

    pub(super) fn into_duplicates(self) -> Vec<DuplicateKey> {
        self.duplicates
    }

    pub(super) fn into_places(self) -> Places {
        self.places.unwrap_or_default()
    }

    /// Composes the first document; like kubectl, what follows a `...` is not looked at.
    pub(super) fn compose(&mut self) -> Composed<Value> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(Value::Null),
                (event, span) => {
                    let value = self.value(event, span, None, 0)?;
                    // The parser meets what is wrong after the value only when asked for more.
                    self.next()?;
                    return Ok(value);
                }
            }
        }
    }

    fn value(&mut self, event: Event<'t>, span: Span, key: Option<Range<usize>>, depth: usize) -> Composed<Value> {
        let range = self.range(span);
        if depth > DEPTH {
            return Err(fault(range.start, "the document is nested too deep"));
        }
        if let Some(places) = &mut self.places {
            let is_scalar = matches!(event, Event::Scalar(..) | Event::Alias(_));
            let value = if is_scalar { range.clone() } else { range.start..range.start + 1 };
            places.insert(&self.pointer, Mark { key, value, is_scalar });
        }
        let anchor = event.anchor_id();
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                scalar::resolve(&text, style == ScalarStyle::Plain, tag.as_deref())
                    .map_err(|message| fault(range.start, message))?
            }
            Event::SequenceStart(..) => self.sequence(depth)?,
            Event::MappingStart(..) => self.mapping(depth)?,
            Event::Alias(id) => self.anchors.unfold(id).map_err(|message| fault(range.start, message))?,
            _ => return Err(fault(range.start, "a value is missing here")),
        };
        if let Some(id) = anchor {
            self.anchors.name(id, &value).map_err(|message| fault(range.start, message))?;
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Composed<Value> {
        let mut list = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(list));
            }
            let length = self.enter(&list.len().to_string());
            list.push(self.value(event, span, None, depth + 1)?);
            self.pointer.truncate(length);
        }
    }

    fn mapping(&mut self, depth: usize) -> Composed<Value> {
        let mut map = Map::new();
        let mut written: Vec<String> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Object(map));
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let at = self.range(span);
            let key = self.key(event, at.start)?;
            let (event, span) = self.next()?;
            if is_merge {
                let pointer = std::mem::take(&mut self.pointer);
                let places = self.places.take();
                let merged = self.value(event, span, None, depth + 1);
                (self.pointer, self.places) = (pointer, places);
                self.merge(&mut map, merged?, &at)?;
                continue;
            }
            let length = self.enter(&key);
            let value = self.value(event, span, Some(at.clone()), depth + 1)?;
            self.pointer.truncate(length);
            if map.insert(key.clone(), value).is_some() && written.contains(&key) {
                self.duplicates.push(DuplicateKey { offset: at.start, name: key.clone() });
            }
            written.push(key);
        }
    }

    /// The key of a mapping as JSON has it: text.
    fn key(&mut self, event: Event<'t>, offset: usize) -> Composed<String> {
        let places = self.places.take();
        let value = match event {
            Event::Scalar(..) | Event::Alias(_) => self.value(event, Span::default(), None, 0),
            _ => Err(fault(offset, "a key must be text")),
        };
        self.places = places;
        let value = value.map_err(|error| Unparsable { offset, ..error })?;
        scalar::key(value).ok_or_else(|| fault(offset, "a key must be text"))
    }

    /// Merges where `<<` stands: like kubectl, over what was written before it and under what follows.
    fn merge(&mut self, map: &mut Map<String, Value>, merged: Value, at: &Range<usize>) -> Composed<()> {
        let sources = match merged {
            Value::Object(source) => vec![Value::Object(source)],
            // Of several, the first counts most.
            Value::Array(sources) => sources.into_iter().rev().collect(),
            _ => vec![Value::Null],
        };
        for source in sources {
            let Value::Object(source) = source else {
                return Err(fault(at.start, "<< takes a mapping or a list of mappings"));
            };
            for (key, value) in source {
                let length = self.enter(&key);
                if let Some(places) = &mut self.places {
                    places.insert(&self.pointer, Mark { key: Some(at.clone()), value: at.clone(), is_scalar: true });
                }
                self.pointer.truncate(length);
                map.insert(key, value);
            }
        }
        Ok(())
    }

    /// Steps into a field or element; the pointer is cut back to the returned length afterwards.
    fn enter(&mut self, key: &str) -> usize {
        let length = self.pointer.len();
        if self.places.is_some() {
            self.pointer.push('/');
            self.pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
        length
    }

    fn next(&mut self) -> Composed<(Event<'t>, Span)> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let offset = error.marker().byte_offset().unwrap_or_default();
                Err(fault(self.base + offset, format!("this is not valid YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let bytes = span.byte_range().unwrap_or_default();
        self.base + bytes.start..self.base + bytes.end
    }
}

fn fault(offset: usize, message: impl Into<String>) -> Unparsable {
    Unparsable { offset, message: message.into() }
}
