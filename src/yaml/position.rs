//! From bytes to lines and columns.

/// How many bytes lie between two known positions of a text.
const STRIDE: usize = 1024;

/// A line and a column, both counted from one; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    const FIRST: Self = Self { line: 1, column: 1 };

    /// The position behind some text that starts here.
    fn behind(self, passed: &str) -> Self {
        passed.chars().fold(self, |Self { line, column }, character| match character {
            '\n' => Self { line: line + 1, column: 1 },
            // Byte order marks before a line take no column.
            '\u{feff}' if column == 1 => Self { line, column },
            _ => Self { line, column: column + 1 },
        })
    }
}

/// Some positions of a text, from which any other is near: a text with many remarks is not counted through for each.
#[derive(Debug, Clone)]
pub struct Positions {
    /// The position of each byte whose number is a multiple of the stride.
    known: Vec<Position>,
}

impl Positions {
    /// Counts through the text, once.
    pub fn of(text: &str) -> Self {
        let mut known = Vec::with_capacity(text.len() / STRIDE + 1);
        let (mut from, mut position) = (0, Position::FIRST);
        for to in (0..=text.len()).step_by(STRIDE).map(|to| text.floor_char_boundary(to)) {
            position = position.behind(&text[from..to]);
            known.push(position);
            from = to;
        }
        Self { known }
    }

    /// The line and column of a byte; the text must be the one that was counted.
    pub fn at(&self, text: &str, offset: usize) -> Position {
        let offset = text.floor_char_boundary(offset);
        let number = offset / STRIDE;
        self.known[number].behind(&text[text.floor_char_boundary(number * STRIDE)..offset])
    }
}

/// The line and column of a byte of the text, for texts of which one position is asked; see [`Positions`].
pub fn position(text: &str, offset: usize) -> Position {
    Position::FIRST.behind(&text[..text.floor_char_boundary(offset)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_and_leaves_byte_order_marks_before_a_line_out() {
        let text = "\u{feff}a\u{feff}b\r\n\u{feff}\u{feff}éc";
        let at = |part: &str| position(text, text.find(part).expect("it is there"));
        assert_eq!(at("a"), Position { line: 1, column: 1 });
        assert_eq!(at("b"), Position { line: 1, column: 3 });
        assert_eq!(at("c"), Position { line: 2, column: 2 });
        assert_eq!(position(text, usize::MAX), Position { line: 2, column: 3 });
    }

    #[test]
    fn gives_from_known_positions_what_counting_through_gives() {
        for line in ["a\u{feff}é\n", "\u{feff}ééé", "ab\r\n\n", "x"] {
            let text = line.repeat(3 * STRIDE / line.len() + 1);
            let positions = Positions::of(&text);
            for offset in (0..text.len() + 2).filter(|offset| offset % STRIDE < 9 || offset % 97 == 0) {
                assert_eq!(positions.at(&text, offset), position(&text, offset), "{line:?} {offset}");
            }
        }
    }
}
