//! Where values stand in a text: from JSON pointer to bytes.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use crate::pointer::Pointer;

/// The most that is underlined, in bytes: more than fits on a terminal's line. A text without line ends is one long line,
/// which is not searched through for each value.
const SHOWN: usize = 256;

/// Where one value stands, in bytes from the start of the whole text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// Its key; `None` for the elements of lists and for the document itself.
    pub key: Option<Range<usize>>,
    /// The value; of a list or mapping only its first character.
    pub value: Range<usize>,
    /// Whether the value is neither list nor mapping.
    pub is_scalar: bool,
}

impl Mark {
    /// What to underline: a scalar that ends on its line, else its key, or the first line of a list's element.
    pub fn shown(&self, text: &str) -> Range<usize> {
        let start = self.value.start;
        let near = |end: usize| text.get(start..text.floor_char_boundary(end.min(start + SHOWN))).unwrap_or_default();
        let value = near(self.value.end);
        let fits = self.is_scalar && !value.is_empty() && !value.contains('\n');
        match &self.key {
            _ if fits => start..start + value.len(),
            Some(key) => key.clone(),
            None => {
                let line = near(text.len()).split('\n').next().unwrap_or_default();
                start..start + line.trim_end().len()
            }
        }
    }
}

/// Where the values of a document stand: a tree, so that a long key is kept once, however much stands below it.
#[derive(Debug, Clone)]
pub struct Places {
    /// The document itself first.
    nodes: Vec<Node>,
}

/// One value of the document, by its number among the nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place(usize);

#[derive(Debug, Clone, Default)]
struct Node {
    /// What it stands in, and the field or index there; the document itself stands in nothing.
    around: Option<(Place, Rc<str>)>,
    below: HashMap<Rc<str>, Place>,
    mark: Mark,
}

impl Default for Places {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Places {
    /// Places of which only the document's start is known.
    pub(super) fn starting_at(offset: usize) -> Self {
        let mut places = Self::default();
        places.set(Place::default(), Mark { key: None, value: offset..offset, is_scalar: false });
        places
    }

    /// The place of a field or element, to be set next.
    pub(super) fn step(&mut self, around: Place, step: &str) -> Place {
        if let Some(known) = self.nodes[around.0].below.get(step) {
            return *known;
        }
        let (step, place) = (Rc::<str>::from(step), Place(self.nodes.len()));
        self.nodes[around.0].below.insert(Rc::clone(&step), place);
        self.nodes.push(Node { around: Some((around, step)), ..Node::default() });
        place
    }

    pub(super) fn set(&mut self, place: Place, mark: Mark) {
        self.nodes[place.0].mark = mark;
    }

    /// Whether the places of single values are known, not only the document's start.
    pub fn are_traced(&self) -> bool {
        self.nodes.len() > 1
    }

    /// Whether a value stands at this JSON pointer.
    pub fn holds(&self, pointer: &Pointer) -> bool {
        let mut place = Place::default();
        pointer.segments().all(|step| match self.nodes[place.0].below.get(step.as_str()) {
            Some(next) => {
                place = *next;
                true
            }
            None => false,
        })
    }

    /// Where the value at this JSON pointer stands, or else the nearest value around it.
    pub fn nearest(&self, pointer: &Pointer) -> Mark {
        let mut nearest = &self.nodes[0];
        for step in pointer.segments() {
            let Some(place) = nearest.below.get(step.as_str()) else { break };
            nearest = &self.nodes[place.0];
        }
        nearest.mark.clone()
    }

    /// The places of all values whose steps satisfy `wanted`: fields and indices, innermost first.
    pub fn of<'a>(&'a self, wanted: impl Fn(Steps<'a>) -> bool + 'a) -> impl Iterator<Item = &'a Mark> {
        self.nodes.iter().filter(move |node| wanted(Steps { nodes: &self.nodes, node })).map(|node| &node.mark)
    }
}

/// The steps from a value outwards.
pub struct Steps<'a> {
    nodes: &'a [Node],
    node: &'a Node,
}

impl<'a> Iterator for Steps<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (around, step) = self.node.around.as_ref()?;
        self.node = &self.nodes[around.0];
        Some(step)
    }
}
