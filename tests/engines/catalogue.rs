//! Prints what the engine catalogue says as JSON, for `make engine-facts`, which compares it with real servers.

use serde_json::{Map, Value, json};
use stsguard::engines::{Engine, Layout, StartUp, engines};

fn main() {
    let catalogue: Map<String, Value> = engines().map(|engine| (engine.id.to_owned(), described(engine))).collect();
    println!("{}", Value::from(catalogue));
}

fn described(engine: &Engine) -> Value {
    let images: Map<String, Value> =
        engine.images.iter().filter_map(|image| Some((image.segment.to_owned(), laid_out(image.layout?)))).collect();
    json!({
        "title": engine.title,
        "graceFloor": engine.grace_floor,
        "startUp": match engine.start_up {
            StartUp::Ordered => "ordered",
            StartUp::Parallel => "parallel",
            StartUp::Any => "any",
        },
        "directoryArguments": engine.directory_arguments,
        "images": images,
    })
}

/// By the first major version of each era, the newest first.
fn laid_out(layout: &Layout) -> Value {
    layout
        .directories
        .iter()
        .map(|era| json!({"from": era.from, "lostAndFoundBreaks": era.lost_and_found_breaks}))
        .collect()
}
