//! What is still to be done for a rule, as the line to write or the file to make; tried on a rule that is made up.

use std::collections::BTreeMap;

use stsguard::rule::Info;

/// The sections of a rule's documentation, in their order.
pub const SECTIONS: [&str; 7] =
    ["What it does", "Why it matters", "Example", "Use instead", "Fix", "Exemptions", "References"];

/// The command that writes what is generated.
const UPDATE: &str = "`STSGUARD_UPDATE=1 cargo test --test catalogue` writes it";

/// Texts of files, by their paths from the root.
pub type Files = BTreeMap<String, String>;

/// A rule as its own file declares it.
struct Declared<'f> {
    family: &'f str,
    module: &'f str,
    rule: &'f str,
    code: &'f str,
}

fn declared<'f>((path, text): (&'f String, &'f String)) -> Option<Declared<'f>> {
    let (family, module) = path.strip_prefix("src/rules/")?.strip_suffix(".rs")?.split_once('/')?;
    let (_, declaration) = text.split_once("\nrule! {")?;
    let (_, rule) = declaration.split_once("\n    pub ")?;
    let (_, code) = declaration.split_once("code: \"")?;
    Some(Declared { family, module, rule: rule.split_once(' ')?.0, code: code.split_once('"')?.0 })
}

/// Rules whose file is there, but not all of the lines that bring it into the catalogue.
pub fn unlisted(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    for Declared { family, module, rule, code } in files.iter().filter_map(declared) {
        let own = format!("src/rules/{family}.rs");
        let all = "src/rules.rs".to_owned();
        for (file, line, place) in [
            (&own, format!("mod {module};"), String::new()),
            (&own, format!("pub use {module}::{rule};"), String::new()),
            (&all, format!("pub mod {family};"), String::new()),
            (&all, format!("&{family}::{rule},"), format!(" in RULES, where {code} belongs")),
        ] {
            let text = files.get(file).map(String::as_str).unwrap_or_default();
            if !text.lines().any(|found| found.trim() == line) {
                complaints.push(format!("{file}: write `{line}`{place}"));
            }
        }
    }
    complaints
}

/// What a rule's documentation and the pages that people write lack.
pub fn untold(info: &Info, files: &Files) -> Vec<String> {
    let Info { code, name, .. } = info;
    let module = name.replace('-', "_");
    let own = files.keys().find(|path| path.ends_with(&format!("/{module}.rs"))).map_or(&module, |path| path);
    let mut complaints = Vec::new();
    if !info.summary().ends_with('.') {
        complaints.push(format!("{own}: write one sentence, with a full stop, in the first line: `/// … .`"));
    }
    let found: Vec<_> = info.docs.lines().filter_map(|line| line.trim().strip_prefix("## ")).collect();
    for (index, section) in SECTIONS.iter().enumerate().filter(|(_, section)| !found.contains(section)) {
        let before =
            index.checked_sub(1).map_or("the first sentence".to_owned(), |i| format!("`/// ## {}`", SECTIONS[i]));
        complaints.push(format!("{own}: write the section `/// ## {section}` after {before}"));
    }
    if complaints.is_empty() && found != SECTIONS {
        complaints.push(format!("{own}: the sections come in this order: {}", SECTIONS.join(", ")));
    }
    // An exemption from STS001 would be one from the rule that looks at exemptions.
    if !info.docs.contains(&info.exemption()) && *code != "STS001" {
        complaints.push(format!("{own}: write below `/// ## Exemptions`: `/// `{}` on the …`", info.exemption()));
    }
    let text = |file: &str| files.get(file).map(String::as_str).unwrap_or_default();
    let told = text("CHANGELOG.md").split_whitespace().collect::<Vec<_>>().join(" ");
    if !told.contains(&format!("{code} {name}")) {
        complaints.push(format!("CHANGELOG.md: write below `### Rules`: `- {code} {name}: {}`", info.summary()));
    }
    for parameter in info.parameters {
        let row = format!("| {name} ({code}) | `{}` |", parameter.name);
        if !text("docs/policy.md").contains(&row) {
            complaints.push(format!("docs/policy.md: write a row in the table of parameters: `{row} … |`"));
        }
    }
    complaints
}

/// Why a generated file is not what it should be; nothing where it is.
pub fn stale(file: &str, found: Option<&str>, expected: &str) -> Option<String> {
    let Some(found) = found else { return Some(format!("{file} is missing: {UPDATE}")) };
    let only = |in_this: &str, in_that: &str| -> Option<String> {
        in_this.lines().find(|line| !in_that.lines().any(|other| other == *line)).map(str::to_owned)
    };
    if found == expected {
        None
    } else if let Some(line) = only(expected, found) {
        Some(format!("{file} lacks the line `{}`: {UPDATE}", line.trim()))
    } else if let Some(line) = only(found, expected) {
        Some(format!("{file} has the line `{}` that nothing stands for: {UPDATE}", line.trim()))
    } else {
        Some(format!("{file} has its lines in another order: {UPDATE}"))
    }
}

#[cfg(test)]
#[path = "complaint_tests.rs"]
mod tests;
