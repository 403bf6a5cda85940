//! Where values stand in a text: from JSON pointer to bytes, and from bytes to line and column.

use std::collections::HashMap;
use std::ops::Range;

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
        let value = text.get(self.value.clone()).unwrap_or_default();
        let fits = self.is_scalar && !value.is_empty() && !value.contains('\n');
        match &self.key {
            _ if fits => self.value.clone(),
            Some(key) => key.clone(),
            None => {
                let rest = text.get(self.value.start..).unwrap_or_default();
                let line = rest.split('\n').next().unwrap_or_default();
                self.value.start..self.value.start + line.trim_end().len()
            }
        }
    }
}

/// Where the values of a document stand.
#[derive(Debug, Clone, Default)]
pub struct Places {
    marks: HashMap<String, Mark>,
}

impl Places {
    /// Places of which only the document's start is known.
    pub(super) fn starting_at(offset: usize) -> Self {
        let mark = Mark { key: None, value: offset..offset, is_scalar: false };
        Self { marks: HashMap::from([(String::new(), mark)]) }
    }

    pub(super) fn insert(&mut self, pointer: &str, mark: Mark) {
        self.marks.insert(pointer.to_owned(), mark);
    }

    /// Whether the places of single values are known, not only the document's start.
    pub fn are_traced(&self) -> bool {
        self.marks.len() > 1
    }

    /// Where the value at this JSON pointer stands, or else the nearest value around it.
    pub fn nearest(&self, pointer: &str) -> Mark {
        let mut pointer = pointer;
        loop {
            if let Some(mark) = self.marks.get(pointer) {
                return mark.clone();
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return Mark::default(),
            }
        }
    }

    /// The places of all values whose pointer satisfies `wanted`.
    pub fn of<'a>(&'a self, wanted: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = &'a Mark> {
        self.marks.iter().filter(move |(pointer, _)| wanted(pointer)).map(|(_, mark)| mark)
    }
}

/// A line and a column, both counted from one; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// The line and column of a byte of the text.
pub fn position(text: &str, offset: usize) -> Position {
    let offset = text.floor_char_boundary(offset);
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
    Position { line, column }
}
