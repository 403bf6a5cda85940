//! Whether an executable needs the dynamic loader, read from its ELF program headers.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context, Result, ensure};

/// `PT_INTERP`: the header that names the loader.
const INTERPRETER: u32 = 3;
/// Program headers follow the file's header at once; both are small.
const BEGINNING: u64 = 64 << 10;

/// Whether this executable is started by a dynamic loader, which then looks for shared libraries.
///
/// # Errors
/// When it is no 64-bit ELF file for a little-endian machine.
pub fn is_needed(executable: &Path) -> Result<bool> {
    let mut bytes = Vec::new();
    File::open(executable)?.take(BEGINNING).read_to_end(&mut bytes)?;
    ensure!(bytes.starts_with(b"\x7fELF\x02\x01"), "{} is no 64-bit ELF file", executable.display());
    needed(&bytes).with_context(|| format!("{} is cut short", executable.display()))
}

fn needed(bytes: &[u8]) -> Option<bool> {
    let number = |at: usize, length: usize| -> Option<usize> {
        let digits = bytes.get(at..at + length)?.iter().rev();
        Some(digits.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for header in 0..count {
        if number(start + header * size, 4)? == INTERPRETER as usize {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::needed;

    /// The beginning of a file with one program header of this type.
    fn executable(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        (bytes[32], bytes[54], bytes[56], bytes[64]) = (64, 56, 1, kind);
        bytes
    }

    #[test]
    fn is_needed_where_a_header_names_it() {
        assert_eq!(needed(&executable(3)), Some(true));
        assert_eq!(needed(&executable(1)), Some(false));
        assert_eq!(needed(&executable(3)[..60]), None, "a file that is cut short");
    }
}
