//! docs/probes.md: what the catalogue of engines knows of readinessProbes.

use std::fmt::Write as _;

use stsguard::engines::{Readiness, engines};

const HEAD: &str = "\
# Probes

Generated from the catalogue of engines: the readinessProbe that [STS304](rules/missing-readiness-probe.md) proposes, for
one container, in one line. Each asks the default port, without TLS where nothing else is said, and needs no secret. What is
for some majors is not proposed where the tag does not tell the major, and what is for one image is not proposed for images
of others with its name. A probe that waits for peers never succeeds where pods start in order: such a set needs
`podManagementPolicy: Parallel`, and `publishNotReadyAddresses: true` in its Service, so that peers are found before they are
ready.

| engine | probe | succeeds when | to know | source |
|---|---|---|---|---|
";

/// The page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for engine in engines() {
        let of_images = engine.images.iter().map(|image| (image.readiness, image.repositories));
        for (ways, repositories) in of_images.chain([(engine.readiness, &[][..])]) {
            for readiness in ways {
                let only = repositories.first().map_or_else(String::new, |only| format!(" (`{only}`)"));
                let _ = writeln!(page, "{}", row(&format!("{}{only}{}", engine.title, majors(readiness)), readiness));
            }
        }
        if engine.readiness.is_empty() {
            let _ = writeln!(page, "| {} | none | | what its containers run differs | |", engine.title);
        }
    }
    page
}

fn majors(readiness: &Readiness) -> String {
    match readiness.majors {
        None => String::new(),
        Some((first, last)) if first == last => format!(" {first}"),
        Some((0, last)) => format!(" up to {last}"),
        Some((first, u32::MAX)) => format!(" from {first} on"),
        Some((first, last)) => format!(" {first} to {last}"),
    }
}

fn row(engine: &str, readiness: &Readiness) -> String {
    let waits = readiness.waits_for_peers.then_some("waits for peers");
    let know = [waits, readiness.note].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let yaml = readiness.yaml().replace('|', "\\|");
    format!("| {engine} | `{yaml}` | {} | {know} | {} |", readiness.succeeds, readiness.source)
}
