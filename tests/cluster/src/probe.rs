//! Startup, liveness and readiness probes of one container.

use std::{fmt::Write, net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, bail};
use k8s_openapi::{
    api::core::v1::{Container, HTTPGetAction, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc::UnboundedSender,
    time::{sleep, timeout},
};

use super::{sandbox::entrance::Entrance, tls};

/// What probing has shown.
#[derive(Debug)]
pub enum Shown {
    /// The startup probe has succeeded, or there is none.
    Started,
    /// Whether the container is ready.
    Ready(bool),
    /// The startup or liveness probe has failed too often: the container is to be restarted, within this many
    /// seconds where the probe says so.
    Unhealthy(String, Option<i64>),
}

/// Probes a container until dropped, and tells every change.
pub async fn watch(container: Container, address: Ipv4Addr, entrance: Entrance, shown: UnboundedSender<Shown>) {
    let prober = Prober { container: &container, address, entrance: &entrance };
    if let Some(probe) = &container.startup_probe {
        prober.startup(probe, &shown).await;
    }
    shown.send(Shown::Started).ok();
    let liveness = async {
        if let Some(probe) = &container.liveness_probe {
            prober.liveness(probe, &shown).await;
        }
    };
    let readiness = async {
        match &container.readiness_probe {
            Some(probe) => prober.readiness(probe, &shown).await,
            None => drop(shown.send(Shown::Ready(true))),
        }
    };
    tokio::join!(liveness, readiness);
}

struct Prober<'a> {
    container: &'a Container,
    address: Ipv4Addr,
    entrance: &'a Entrance,
}

impl Prober<'_> {
    async fn startup(&self, probe: &Probe, shown: &UnboundedSender<Shown>) {
        sleep(delay(probe)).await;
        let mut failures = 0;
        while let Err(error) = self.attempt(probe).await {
            failures += 1;
            if failures >= probe.failure_threshold.unwrap_or(3) {
                let reason = format!("startup probe failed: {error:#}");
                shown.send(Shown::Unhealthy(reason, probe.termination_grace_period_seconds)).ok();
            }
            sleep(period(probe)).await;
        }
    }

    async fn liveness(&self, probe: &Probe, shown: &UnboundedSender<Shown>) {
        sleep(delay(probe)).await;
        let mut failures = 0;
        loop {
            match self.attempt(probe).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    if failures >= probe.failure_threshold.unwrap_or(3) {
                        let reason = format!("liveness probe failed: {error:#}");
                        shown.send(Shown::Unhealthy(reason, probe.termination_grace_period_seconds)).ok();
                    }
                }
            }
            sleep(period(probe)).await;
        }
    }

    async fn readiness(&self, probe: &Probe, shown: &UnboundedSender<Shown>) {
        sleep(delay(probe)).await;
        let (mut ready, mut run) = (false, 0);
        loop {
            let now = self.attempt(probe).await.is_ok();
            run = if now == ready { 0 } else { run + 1 };
            let threshold =
                if now { probe.success_threshold.unwrap_or(1) } else { probe.failure_threshold.unwrap_or(3) };
            if run >= threshold {
                (ready, run) = (now, 0);
                shown.send(Shown::Ready(ready)).ok();
            }
            sleep(period(probe)).await;
        }
    }

    async fn attempt(&self, probe: &Probe) -> Result<()> {
        let limit = seconds(probe.timeout_seconds, 1);
        if let Some(exec) = &probe.exec {
            return self.entrance.run(exec.command.as_deref().unwrap_or_default(), limit).await;
        }
        timeout(limit, self.try_once(probe)).await.context("no answer in time")?
    }

    async fn try_once(&self, probe: &Probe) -> Result<()> {
        if let Some(get) = &probe.http_get {
            self.get(get).await
        } else if let Some(socket) = &probe.tcp_socket {
            self.connect(socket.host.as_deref(), &socket.port).await.map(drop)
        } else {
            bail!("the node knows only exec, httpGet and tcpSocket probes")
        }
    }

    async fn get(&self, get: &HTTPGetAction) -> Result<()> {
        let stream = self.connect(get.host.as_deref(), &get.port).await?;
        if get.scheme.as_deref() == Some("HTTPS") {
            self.exchange(tls::connect_unverified(stream).await?, get).await
        } else {
            self.exchange(stream, get).await
        }
    }

    async fn exchange(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, get: &HTTPGetAction) -> Result<()> {
        let path = get.path.as_deref().unwrap_or("/");
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: kube-probe/1.37\r\nAccept: */*\r\nConnection: close\r\n",
            self.address
        );
        for header in get.http_headers.iter().flatten() {
            write!(request, "{}: {}\r\n", header.name, header.value)?;
        }
        request += "\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut start = [0; 12]; // "HTTP/1.1 200"
        stream.read_exact(&mut start).await?;
        match &start[9..] {
            [b'2' | b'3', ..] => Ok(()),
            code => bail!("status {}", String::from_utf8_lossy(code)),
        }
    }

    async fn connect(&self, host: Option<&str>, port: &IntOrString) -> Result<TcpStream> {
        let port = match port {
            IntOrString::Int(number) => *number,
            IntOrString::String(name) => {
                let mut ports = self.container.ports.iter().flatten();
                let found = ports.find(|port| port.name.as_ref() == Some(name));
                found.with_context(|| format!("no port is named {name}"))?.container_port
            }
        };
        let host = host.map_or_else(|| self.address.to_string(), Into::into);
        Ok(TcpStream::connect((host, u16::try_from(port)?)).await?)
    }
}

fn delay(probe: &Probe) -> Duration {
    seconds(probe.initial_delay_seconds, 0)
}

fn period(probe: &Probe) -> Duration {
    seconds(probe.period_seconds, 10)
}

fn seconds(value: Option<i32>, default: u32) -> Duration {
    Duration::from_secs(value.map_or(default, i32::unsigned_abs).into())
}
