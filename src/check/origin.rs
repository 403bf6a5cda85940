//! The document that an object comes from, and remarks on it.

use std::cell::OnceCell;

use super::input::File;
use super::outcome::Remark;
use crate::pointer::Pointer;
use crate::yaml::{Document, Places};

/// The document that objects are read from.
pub(super) struct Origin<'t> {
    /// The index of its file.
    pub(super) index: usize,
    file: &'t File,
    pub(super) document: Document<'t>,
    /// Traced for the first remark, once for all objects of a List.
    places: OnceCell<Places>,
}

impl<'t> Origin<'t> {
    pub(super) fn new(index: usize, file: &'t File, document: Document<'t>) -> Self {
        Self { index, file, document, places: OnceCell::new() }
    }

    /// A remark on a value of the document.
    pub(super) fn remark(&self, pointer: &Pointer, message: String) -> Remark {
        let mark = self.places.get_or_init(|| self.document.places()).nearest(pointer);
        remark(self.file, mark.key.unwrap_or(mark.value).start, message)
    }
}

/// A remark on a byte of a file.
pub(super) fn remark(file: &File, offset: usize, message: String) -> Remark {
    Remark { file: file.name.clone(), position: Some(file.position(offset)), message }
}
