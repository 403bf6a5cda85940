//! Questions that a server can answer only when its peers are there.

use crate::kubernetes::{Port, Probe};

/// What a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// A path by HTTP, as a whole.
    Path(&'static str),
    /// Words that all stand in the command, or in the path.
    Words(&'static [&'static str]),
    /// A port by TCP.
    Port(i64),
}

/// Whether the probe asks one of these.
pub(super) fn asks(probe: &Probe, waits: &[Waits]) -> bool {
    let path = probe.http_get.as_ref().map(|get| get.path.as_str());
    let command = probe.exec.as_ref().map(|exec| exec.command.join(" "));
    let port = probe.tcp_socket.as_ref().and_then(|socket| socket.port.as_ref());
    waits.iter().any(|asked| match asked {
        Waits::Path(asked) => path == Some(asked),
        Waits::Words(words) => {
            [path, command.as_deref()].into_iter().flatten().any(|text| words.iter().all(|word| text.contains(word)))
        }
        Waits::Port(asked) => port == Some(&Port::Number(*asked)),
    })
}
