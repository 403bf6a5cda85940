//! The complaints about a rule that is made up, one thing left out at a time.

use super::*;
use stsguard::rule::{Action, Hook, Parameter, Setting, Values};

const OWN: &str = "src/rules/lifecycle/made_up_pattern.rs";
const DOCS: &str = " Servers that are made up.

 ## What it does
 ## Why it matters
 ## Example
 ## Use instead
 ## Fix
 ## Exemptions
 `stsguard.dev/exempt-made-up-pattern` on the StatefulSet.
 ## References";

fn info(docs: &'static str) -> Info {
    static PARAMETERS: [Parameter; 1] =
        [Parameter { code: "STS399", name: "patience", values: Values::Seconds { default: 60 } }];
    let warn = Setting { action: Action::Warn, fix: false };
    Info {
        code: "STS399",
        name: "made-up-pattern",
        since: "0.2",
        hooks: &[Hook::StatefulSet],
        defaults: [warn; 3],
        parameters: &PARAMETERS,
        docs,
    }
}

/// A tree in which nothing is forgotten.
fn tree() -> Files {
    [
        (OWN, "use x;\n\nrule! {\n    /// Docs.\n    pub MadeUpPattern {\n        code: \"STS399\",\n"),
        ("src/rules/lifecycle.rs", "mod made_up_pattern;\n\npub use made_up_pattern::MadeUpPattern;\n"),
        ("src/rules.rs", "pub mod lifecycle;\n&[\n    &lifecycle::MadeUpPattern,\n]\n"),
        ("CHANGELOG.md", "### Rules\n- STS308 claims-left-behind, STS399\n  made-up-pattern.\n"),
        ("docs/policy.md", "| made-up-pattern (STS399) | `patience` | how long |\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into()
}

/// The same without a piece of one file.
fn without(file: &str, piece: &str) -> Files {
    let mut files = tree();
    let text = files.get_mut(file).expect("the file is there");
    assert!(text.contains(piece), "{file} has no {piece}");
    *text = text.replace(piece, "");
    files
}

#[test]
fn nothing_is_said_where_nothing_is_missing() {
    assert!(unlisted(&tree()).is_empty());
    assert!(untold(&info(DOCS), &tree()).is_empty());
    assert_eq!(stale("README.md", Some("a\nb\n"), "a\nb\n"), None);
}

#[test]
fn a_rule_that_is_not_in_the_table_or_its_family_is_told_the_line() {
    for (file, piece, complaint) in [
        ("src/rules/lifecycle.rs", "mod made_up_pattern;", "src/rules/lifecycle.rs: write `mod made_up_pattern;`"),
        (
            "src/rules/lifecycle.rs",
            "pub use made_up_pattern::MadeUpPattern;",
            "src/rules/lifecycle.rs: write `pub use made_up_pattern::MadeUpPattern;`",
        ),
        ("src/rules.rs", "pub mod lifecycle;", "src/rules.rs: write `pub mod lifecycle;`"),
        (
            "src/rules.rs",
            "&lifecycle::MadeUpPattern,",
            "src/rules.rs: write `&lifecycle::MadeUpPattern,` in RULES, where STS399 belongs",
        ),
    ] {
        assert_eq!(unlisted(&without(file, piece)), [complaint]);
    }
}

#[test]
fn a_rule_whose_documentation_lacks_something_is_told_what_and_where() {
    for (piece, complaint) in [
        ("## What it does", "write the section `/// ## What it does` after the first sentence"),
        ("## Fix", "write the section `/// ## Fix` after `/// ## Use instead`"),
        (
            "`stsguard.dev/exempt-made-up-pattern`",
            "write below `/// ## Exemptions`: `/// `stsguard.dev/exempt-made-up-pattern` on the …`",
        ),
        ("made up.", "write one sentence, with a full stop, in the first line: `/// … .`"),
    ] {
        let docs: &'static str = DOCS.replacen(piece, "", 1).leak();
        assert_eq!(untold(&info(docs), &tree()), [format!("{OWN}: {complaint}")]);
    }
    let turned: &'static str = DOCS.replace("## Fix\n ## Exemptions", "## Exemptions\n ## Fix").leak();
    let order = SECTIONS.join(", ");
    assert_eq!(untold(&info(turned), &tree()), [format!("{OWN}: the sections come in this order: {order}")]);
}

#[test]
fn a_rule_that_a_page_does_not_name_is_told_the_line() {
    assert_eq!(
        untold(&info(DOCS), &without("CHANGELOG.md", "STS399\n  made-up-pattern")),
        ["CHANGELOG.md: write below `### Rules`: `- STS399 made-up-pattern: Servers that are made up.`"]
    );
    assert_eq!(
        untold(&info(DOCS), &without("docs/policy.md", "`patience`")),
        ["docs/policy.md: write a row in the table of parameters: `| made-up-pattern (STS399) | `patience` | … |`"]
    );
}

#[test]
fn a_generated_page_or_row_that_is_missing_is_told_with_the_command_that_writes_it() {
    let row = "| STS399 | made-up-pattern | warn |";
    let said = |found, expected| stale("README.md", found, expected).expect("it is not current");
    assert_eq!(said(None, row), format!("README.md is missing: {UPDATE}"));
    let table = format!("| code |\n{row}\n");
    assert_eq!(said(Some("| code |\n"), &table), format!("README.md lacks the line `{row}`: {UPDATE}"));
    let dropped = format!("README.md has the line `{row}` that nothing stands for: {UPDATE}");
    assert_eq!(said(Some(&table), "| code |\n"), dropped);
    assert_eq!(said(Some("b\na\n"), "a\nb\n"), format!("README.md has its lines in another order: {UPDATE}"));
}
