//! How long a hook surely sleeps: what stands in it as numbers, in commands that are surely run.

use crate::kubernetes::Handler;

/// The seconds that the hook surely sleeps; `None` where it need not sleep, or nobody can tell.
pub(super) fn surely(hook: &Handler) -> Option<f64> {
    if let Some(sleep) = hook.sleep {
        return u32::try_from(sleep.seconds).ok().map(f64::from);
    }
    let words = &hook.exec.as_ref()?.command;
    let (program, arguments) = words.split_first()?;
    match base(program) {
        "sleep" => sum(arguments.iter().map(String::as_str)),
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" => {
            // The script follows the flag, whatever letters stand in it besides: `-c`, `-ec`, `-xec`.
            let flag = arguments.iter().position(|word| word.starts_with('-') && word.ends_with('c'))?;
            script(arguments.get(flag + 1)?)
        }
        _ => None,
    }
}

/// Words with which a shell decides what is run, and how often.
const DECISIONS: &[&str] = &[
    "if", "while", "until", "for", "case", "select", "function", "trap", "eval", "exit", "return", "[", "[[", "test",
    "!", "{", "}", "then", "else", "do",
];

/// The sum of the sleeps in a script that does one thing after the other; `None` for any other script.
fn script(text: &str) -> Option<f64> {
    let mut total = 0.0;
    for command in commands(text)? {
        // `NAME=value` before a command, and exec, leave it what it is.
        let mut words = command.iter().map(String::as_str).skip_while(|word| *word == "exec" || is_assignment(word));
        match words.next() {
            Some(decision) if DECISIONS.contains(&decision) => return None,
            Some(program) if base(program) == "sleep" => total += sum(words)?,
            _ => {}
        }
    }
    (total > 0.0).then_some(total)
}

/// The simple commands of a script, as words; `None` where they are not surely run one after the other.
fn commands(text: &str) -> Option<Vec<Vec<String>>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '#' if word.is_none() => while characters.next_if(|next| *next != '\n').is_some() {},
            '\'' | '"' => {
                let quoted: String = characters.by_ref().take_while(|next| *next != character).collect();
                word.get_or_insert_default().push_str(&quoted);
            }
            '\\' => match characters.next()? {
                '\n' => {}
                escaped => word.get_or_insert_default().push(escaped),
            },
            '$' if characters.peek() == Some(&'(') => {
                // What a command prints is nobody's to know; its own sleeps are not counted.
                let mut depth = 0;
                loop {
                    match characters.next()? {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
                word.get_or_insert_default().push('$');
            }
            '`' => {
                while characters.next()? != '`' {}
                word.get_or_insert_default().push('$');
            }
            '&' if characters.next_if_eq(&'&').is_none() => {
                // `2>&1` joins two streams; any other single one leaves the command running.
                if !word.as_deref().is_some_and(|word| word.ends_with('>')) {
                    return None;
                }
                word.get_or_insert_default().push('&');
            }
            '|' | '(' | ')' => return None,
            '<' if characters.peek() == Some(&'<') => return None,
            ';' | '\n' | '&' => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    commands.push(words);
    Some(commands)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    })
}

/// What `sleep` makes of its arguments: it adds them up.
fn sum<'w>(arguments: impl Iterator<Item = &'w str>) -> Option<f64> {
    let arguments = arguments.take_while(|word| !word.contains(['>', '<']));
    arguments.map(duration).sum::<Option<f64>>().filter(|seconds| seconds.is_finite())
}

/// A number with or without a unit, in seconds.
fn duration(word: &str) -> Option<f64> {
    let number = word.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit = match &word[number.len()..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let is_number = number.chars().all(|character| character.is_ascii_digit() || character == '.');
    is_number.then(|| number.parse::<f64>().ok()).flatten().map(|number| number * unit)
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(test)]
#[path = "sleeps_tests.rs"]
mod tests;
