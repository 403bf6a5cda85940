//! etcd, kube-apiserver and kube-controller-manager.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use kube::Client;
use tokio::time::{Instant, sleep};

use super::{
    credentials::{Credentials, User},
    network::{API_SERVER, SERVICES},
    process::Process,
};

/// The three programs, running.
pub struct ControlPlane {
    etcd: Process,
    api_server: Option<Process>,
    controller_manager: Option<Process>,
    binaries: PathBuf,
    logs: PathBuf,
    api_server_arguments: Vec<String>,
    client: Client,
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
        client: Client,
    ) -> Result<Self> {
        let etcd_arguments = [
            format!("--data-dir={}", state.join("etcd").display()),
            "--unsafe-no-fsync".into(),
            "--listen-peer-urls=http://127.0.0.1:2380".into(),
            "--listen-client-urls=http://127.0.0.1:2379".into(),
            "--advertise-client-urls=http://127.0.0.1:2379".into(),
        ];
        let etcd = Process::start(&binaries.join("etcd"), &etcd_arguments, &logs.join("etcd.log"))?;

        let key = credentials.service_account_key();
        let mut api_server_arguments: Vec<String> = vec![
            "--etcd-servers=http://127.0.0.1:2379".into(),
            format!("--advertise-address={API_SERVER}"),
            "--secure-port=6443".into(),
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
        let mut all = Self {
            etcd,
            api_server: None,
            controller_manager: None,
            binaries: binaries.into(),
            logs: logs.into(),
            api_server_arguments,
            client,
        };
        all.start_api_server().await?;

        let controller_manager_arguments = [
            format!("--kubeconfig={}", credentials.kubeconfig(User::ControllerManager).display()),
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
        let log = self.logs.join("kube-apiserver.log");
        let program = self.binaries.join("kube-apiserver");
        let server = self.api_server.insert(Process::start(&program, &self.api_server_arguments, &log)?);
        let begun = Instant::now();
        loop {
            server.check()?;
            self.etcd.check()?;
            let request = http::Request::get("/readyz").body(Vec::new())?;
            match self.client.request_text(request).await {
                Ok(_) => return Ok(()),
                Err(error) if begun.elapsed() > Duration::from_mins(2) => {
                    return Err(error).context("the API server does not get ready");
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Ends the API server; clients find nobody there.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop_api_server(&mut self) -> Result<()> {
        let Some(mut server) = self.api_server.take() else { bail!("the API server does not run") };
        server.stop(Duration::from_secs(2)).await
    }

    /// Ends everything.
    ///
    /// # Errors
    /// When a program can be neither signalled nor waited for.
    pub async fn stop(self) -> Result<()> {
        // Nothing here outlives the run, so nobody is asked politely.
        let clients = self.controller_manager.into_iter().chain(self.api_server);
        for mut process in clients.chain([self.etcd]) {
            process.stop(Duration::ZERO).await?;
        }
        Ok(())
    }
}
