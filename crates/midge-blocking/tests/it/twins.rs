//! No asynchronous call is without its blocking twin.

use std::fs;
use std::path::Path;

/// Calls that need none: making connections, what options read from files, and passing messages on,
/// for which there are channels with a thread of their own.
const WITHOUT: [&str; 5] =
    ["connect", "wait", "with_credentials_file", "credentials_file", "forward_to"];

/// Public asynchronous functions in the sources under `folder`.
fn asynchronous_calls(folder: &Path, calls: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            asynchronous_calls(&path, calls);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let waits = text.split("pub async fn ").skip(1);
            // Publishing is a future with a name.
            let publishes = text.split("pub fn ").skip(1).filter(|after| {
                after.split('{').next().is_some_and(|head| head.contains("-> PublishFuture"))
            });
            for after in waits.chain(publishes) {
                let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                calls.extend(name.map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_asynchronous_call_of_midge_has_a_blocking_twin() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut calls = Vec::new();
    asynchronous_calls(&root.join("../midge/src"), &mut calls);
    assert!(calls.iter().any(|call| call == "publish"), "{calls:?}");
    let twins = ["src/twins.rs", "src/jetstream.rs"]
        .map(|file| fs::read_to_string(root.join(file)).unwrap())
        .concat();
    let blocking = fs::read_to_string(root.join("src/blocking.rs")).unwrap();
    let has_twin = |call: &String| {
        [format!(" {call}("), format!(" {call}[")]
            .iter()
            .any(|found| twins.contains(found) || blocking.contains(&format!("pub fn{found}")))
    };
    calls.retain(|call| !WITHOUT.contains(&call.as_str()) && !has_twin(call));
    assert!(calls.is_empty(), "add a line to twins.rs for each of {calls:?}");
}
