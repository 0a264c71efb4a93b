"""Palette's own registry, "Public Repo", with packs for the tutorial's profile (palette/behaviour.md PAL-69)."""

from sandbox.palette.index import Pack
from sandbox.palette.projects import uid_of
from sandbox.palette.state import Registry

NAME = "Public Repo"
_KUBERNETES = """\
pack:
  k8sHardening: True
  podCIDR: "192.168.0.0/16"
kubeadmconfig:
  apiServer:
    # Names of the API server, beside its own
    certSANs: []
    extraArgs:
      anonymous-auth: "true"
"""
_PACKS = (
    ("ubuntu-aws", "22.04", "LTS__22.4.x", "Ubuntu", "os", "", ["aws"], "kubeadmconfig:\n  preKubeadmCommands: []\n"),
    ("kubernetes", "1.28.11", "1.28.x", "Palette eXtended Kubernetes", "k8s", "", ["aws", "vsphere"], _KUBERNETES),
    ("kubernetes", "1.28.9", "1.28.x", "Palette eXtended Kubernetes", "k8s", "", ["aws", "vsphere"], _KUBERNETES),
    ("cni-calico", "3.26.3", "3.26.x", "Calico", "cni", "", ["all"], "manifests:\n  calico:\n    encapsulationType: CALICO_IPV4POOL_IPIP\n"),
    ("csi-aws-ebs", "1.22.0", "1.22.x", "Amazon EBS CSI", "csi", "", ["aws", "eks"], "manifests:\n  aws_ebs:\n    storageType: gp2\n"),
    ("spectro-proxy", "1.4.3", "1.4.x", "Spectro Proxy", "addon", "authentication", ["all"],
     "manifests:\n  spectro-proxy:\n    namespace: cluster-{{ .spectro.system.cluster.uid }}\n"),
)  # fmt: skip


def registry() -> Registry:
    packs = [
        Pack(
            uid_of("pack", name, version), tag, "sha256:" + uid_of("digest", name, version),
            {"name": name, "version": version, "displayName": title, "layer": layer, "addonType": addon, "cloudTypes": clouds},
            values, f"# {title}\n",
        )
        for name, version, tag, title, layer, addon, clouds, values in _PACKS
    ]  # fmt: skip
    return Registry("", "spectro", NAME, {}, {"endpoint": ""}, uid=uid_of("registry", NAME), packs=packs)
