//! From parser events to one JSON value, with duplicate keys and, on request, places.

mod anchors;
mod mapping;

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::Value;

use self::anchors::Anchors;
use self::mapping::{Key, Mapping};
use super::document::{DuplicateKey, Unparsable};
use super::place::{Mark, Place, Places};
use super::scalar;

/// How deep a document may be nested, its aliases unfolded; the deepest manifests in use stay below fifty. Whatever goes
/// through a value later, its drop included, goes as deep.
const DEPTH: usize = 255;

/// Composes one document.
pub(super) struct Composer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Where the document starts in the whole text, in bytes.
    base: usize,
    anchors: Anchors,
    duplicates: Vec<DuplicateKey>,
    places: Option<Places>,
    /// The place of the value being composed; moves only while tracing.
    at: Place,
}

/// What the parser met, and where in the whole text.
struct Met<'t> {
    event: Event<'t>,
    range: Range<usize>,
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
            at: Place::default(),
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
                Met { event: Event::StreamStart | Event::DocumentStart(..), .. } => {}
                Met { event: Event::StreamEnd | Event::DocumentEnd, .. } => return Ok(Value::Null),
                met => {
                    let value = self.value(&met, None, 0)?;
                    // The parser meets what is wrong after the value only when asked for more.
                    self.next()?;
                    return Ok(value);
                }
            }
        }
    }

    /// Composes what begins here. What goes as deep as the document keeps little on the stack: the rest is apart.
    fn value(&mut self, met: &Met<'t>, key: Option<&Key>, depth: usize) -> Composed<Value> {
        self.mark(met, key, depth)?;
        let value = match met.event {
            Event::SequenceStart(..) => self.sequence(depth),
            Event::MappingStart(..) => self.mapping(depth),
            _ => self.leaf(met, depth),
        };
        if let Ok(value) = &value {
            self.keep(met, value)?;
        }
        value
    }

    /// Keeps a value that has an anchor.
    fn keep(&mut self, met: &Met<'t>, value: &Value) -> Composed<()> {
        let Some(id) = met.event.anchor_id() else { return Ok(()) };
        self.anchors.name(id, value).map_err(|message| fault(met.range.start, message))
    }

    fn mark(&mut self, met: &Met<'t>, key: Option<&Key>, depth: usize) -> Composed<()> {
        let range = &met.range;
        if depth > DEPTH {
            return Err(fault(range.start, "the document is nested too deep"));
        }
        if let Some(places) = &mut self.places {
            let is_scalar = matches!(met.event, Event::Scalar(..) | Event::Alias(_));
            let value = if is_scalar { range.clone() } else { range.start..range.start + 1 };
            places.set(self.at, Mark { key: key.map(|key| key.at.clone()), value, is_scalar });
        }
        Ok(())
    }

    /// What is neither a list nor a mapping, or was composed before.
    fn leaf(&mut self, met: &Met<'t>, depth: usize) -> Composed<Value> {
        let value = match &met.event {
            Event::Scalar(text, style, _, tag) => {
                let tag = tag.as_ref().map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                scalar::resolve(text, *style == ScalarStyle::Plain, tag.as_deref())
            }
            Event::Alias(id) => self.anchors.unfold(*id, depth).map_err(str::to_owned),
            _ => Err("a value is missing here".to_owned()),
        };
        value.map_err(|message| fault(met.range.start, message))
    }

    fn sequence(&mut self, depth: usize) -> Composed<Value> {
        let mut list = Vec::new();
        loop {
            let met = self.next()?;
            if met.event == Event::SequenceEnd {
                return Ok(Value::Array(list));
            }
            let around = self.enter(&list.len().to_string());
            list.push(self.value(&met, None, depth + 1)?);
            self.at = around;
        }
    }

    fn mapping(&mut self, depth: usize) -> Composed<Value> {
        let mut mapping = Mapping::default();
        while let Some(key) = self.key()? {
            let met = self.next()?;
            if key.is_merge {
                let places = self.places.take();
                let source = self.value(&met, None, depth + 1);
                self.places = places;
                self.merge(&mut mapping, source?, &key.at)?;
            } else {
                let around = self.enter(&key.name);
                let value = self.value(&met, Some(&key), depth + 1)?;
                self.at = around;
                self.duplicates.extend(mapping.write(key, value));
            }
        }
        Ok(Value::Object(mapping.map))
    }

    /// The next key of a mapping, as JSON has it: text; none when the mapping ends.
    fn key(&mut self) -> Composed<Option<Key>> {
        let met = self.next()?;
        let value = match &met.event {
            Event::MappingEnd => return Ok(None),
            Event::Scalar(..) | Event::Alias(_) => self.leaf(&met, 0)?,
            _ => Value::Null,
        };
        self.keep(&met, &value)?;
        let is_merge = matches!(&met.event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
        let name = scalar::key(value).ok_or_else(|| fault(met.range.start, "a key must be text"))?;
        Ok(Some(Key { name, at: met.range, is_merge }))
    }

    /// Merges where `<<` stands: like kubectl, over what was written before it and under what follows.
    fn merge(&mut self, mapping: &mut Mapping, source: Value, at: &Range<usize>) -> Composed<()> {
        let sources = match source {
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
                if let Some(places) = &mut self.places {
                    let place = places.step(self.at, &key);
                    places.set(place, Mark { key: Some(at.clone()), value: at.clone(), is_scalar: true });
                }
                mapping.take_over(key, value);
            }
        }
        Ok(())
    }

    /// Steps into a field or element, and says where to go back to.
    fn enter(&mut self, step: &str) -> Place {
        let around = self.at;
        if let Some(places) = &mut self.places {
            self.at = places.step(around, step);
        }
        around
    }

    fn next(&mut self) -> Composed<Met<'t>> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let bytes = span.byte_range().unwrap_or_default();
                Ok(Met { event, range: self.base + bytes.start..self.base + bytes.end })
            }
            Some(Err(error)) => {
                let offset = error.marker().byte_offset().unwrap_or_default();
                Err(fault(self.base + offset, format!("this is not valid YAML: {}", error.info())))
            }
            None => Ok(Met { event: Event::StreamEnd, range: self.base..self.base }),
        }
    }
}

fn fault(offset: usize, message: impl Into<String>) -> Unparsable {
    Unparsable { offset, message: message.into() }
}
