//! etcd, kube-apiserver and kube-controller-manager.

use std::{path::Path, time::Duration};

use anyhow::Result;
use kube::Client;

use super::{
    api_server::{ApiServer, DistantEtcd, ETCD, Server},
    credentials::{Credentials, User},
    network::SERVICES,
    process::Process,
    wire::Latency,
};

/// How long an API server may take to leave: it gives its place among the endpoints up.
const PATIENCE: Duration = Duration::from_secs(2);

/// The three programs, running.
pub struct ControlPlane {
    etcd: Process,
    first: ApiServer,
    second: ApiServer,
    /// How long the second API server and etcd wait for each other's words.
    pub lag: Latency,
    distance: Option<DistantEtcd>,
    controller_manager: Option<Process>,
}

impl ControlPlane {
    /// Starts them and waits until the API server is ready.
    ///
    /// # Errors
    /// When a program is missing, ends early, or does not get ready.
    pub async fn start(
        binaries: &Path,
        state: &Path,
        logs: &Path,
        credentials: &Credentials,
        extra: &[String],
        clients: &[Client; 2],
    ) -> Result<Self> {
        let etcd_arguments = [
            format!("--data-dir={}", state.join("etcd").display()),
            "--unsafe-no-fsync".into(),
            "--listen-peer-urls=http://127.0.0.1:2380".into(),
            format!("--listen-client-urls=http://{ETCD}"),
            format!("--advertise-client-urls=http://{ETCD}"),
        ];
        let etcd = Process::start(&binaries.join("etcd"), &etcd_arguments, &logs.join("etcd.log"))?;

        let key = credentials.service_account_key();
        let mut api_server_arguments: Vec<String> = vec![
            format!("--tls-cert-file={}", credentials.serving_certificate().display()),
            format!("--tls-private-key-file={}", credentials.serving_key().display()),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            format!("--service-account-key-file={}", credentials.service_account_public_key().display()),
            format!("--service-account-signing-key-file={}", key.display()),
            format!("--token-auth-file={}", credentials.tokens().display()),
            "--authorization-mode=RBAC".into(),
            format!("--admission-control-config-file={}", credentials.admission().display()),
            "--allow-privileged".into(),
            "--kubelet-preferred-address-types=InternalIP".into(),
            format!("--cert-dir={}", state.join("apiserver").display()),
        ];
        api_server_arguments.extend_from_slice(extra);
        let [first, second] = clients;
        let api_server = |server, log, client: &Client| {
            let program = binaries.join("kube-apiserver");
            ApiServer::new(server, program, &api_server_arguments, logs.join(log), client.clone())
        };
        let mut all = Self {
            etcd,
            first: api_server(Server::First, "kube-apiserver.log", first),
            second: api_server(Server::Second, "kube-apiserver-2.log", second),
            lag: Latency::default(),
            distance: None,
            controller_manager: None,
        };
        all.start_api_server().await?;

        let controller_manager_arguments = [
            format!("--kubeconfig={}", credentials.kubeconfig(User::ControllerManager, Server::First).display()),
            "--use-service-account-credentials".into(),
            format!("--service-account-private-key-file={}", key.display()),
            format!("--root-ca-file={}", credentials.authority().display()),
            "--leader-elect=false".into(),
            // The node lives as long as the run: judging its heartbeat could only disturb a test on a slow machine.
            "--controllers=*,-node-lifecycle-controller".into(),
            "--kube-api-qps=200".into(),
            "--kube-api-burst=400".into(),
            "--bind-address=127.0.0.1".into(),
        ];
        all.controller_manager = Some(Process::start(
            &binaries.join("kube-controller-manager"),
            &controller_manager_arguments,
            &logs.join("kube-controller-manager.log"),
        )?);
        Ok(all)
    }

    /// Starts the API server again after [`Self::stop_api_server`], and waits until it is ready.
    ///
    /// # Errors
    /// When it ends early or does not get ready.
    pub async fn start_api_server(&mut self) -> Result<()> {
        self.first.start(&[], &mut self.etcd).await
    }

    /// Ends the API server; clients find nobody there.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop_api_server(&mut self) -> Result<()> {
        self.first.stop(PATIENCE).await
    }

    /// Starts the second API server with these arguments besides, and waits until it is ready.
    ///
    /// # Errors
    /// When it runs already, ends early or does not get ready.
    pub async fn start_second(&mut self, more: &[String]) -> Result<()> {
        // It reads hundreds of objects one after the other before it is ready.
        self.lag.set(Duration::ZERO);
        self.distance = Some(DistantEtcd::open(self.lag.clone()).await?);
        self.second.start(more, &mut self.etcd).await
    }

    /// Ends the second API server.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop_second(&mut self) -> Result<()> {
        self.lag.set(Duration::ZERO);
        self.second.stop(PATIENCE).await?;
        self.distance = None;
        Ok(())
    }

    /// Ends everything.
    ///
    /// # Errors
    /// When a program can be neither signalled nor waited for.
    pub async fn stop(self) -> Result<()> {
        let Self { mut etcd, mut first, mut second, controller_manager, .. } = self;
        // Nothing here outlives the run, so nobody is asked politely.
        if let Some(mut controller_manager) = controller_manager {
            controller_manager.stop(Duration::ZERO).await?;
        }
        for server in [&mut second, &mut first] {
            if server.runs() {
                server.stop(Duration::ZERO).await?;
            }
        }
        etcd.stop(Duration::ZERO).await
    }
}
