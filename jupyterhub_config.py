"""A hub that starts containers: the configuration of scripts/demo, and an example to copy from.

What turns a JupyterHub into this one is five statements, all of them below:

    import rosetta_hub
    c.Rosetta.tasks_url = "http://127.0.0.1"        # another host name than the hub's
    c.Rosetta.software = [...]                      # what users may start
    c.Rosetta.computing = [...]                     # where it runs
    rosetta_hub.setup(c, __file__)                  # on the last line

The variables ROSETTA_* are scripts/demo's way to run several hubs side by side. In a configuration
of your own, write the values instead.
"""

import os
import shutil

import rosetta_hub

c = get_config()

# --- The hub itself ------------------------------------------------------------------------------

# Any JupyterHub has these. The hub needs three ports more on this machine, and the service one.
port = int(os.environ.get("ROSETTA_PORT", "8000"))
c.JupyterHub.bind_url = f"http://localhost:{port}"
c.JupyterHub.hub_port = port + 81
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 1}"

# For a demo: everybody who knows the password may log in, under any name. Put the authenticator of
# your institution here.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ.get("DEMO_PASSWORD")
c.Authenticator.allow_all = True

# --- Where tasks are reached ---------------------------------------------------------------------

# The hub, as browsers see it.
c.Rosetta.hub_url = f"http://localhost:{port}"

# Each task gets a port of its own on this host. It must be another host name than the hub's,
# because a browser sends the cookies of a host to all of its ports. In production both are https:
#     c.Rosetta.tasks_url = "https://tasks.example.org"
#     c.Rosetta.tls_cert = "/etc/ssl/tasks.example.org.pem"
#     c.Rosetta.tls_key = "/etc/ssl/private/tasks.example.org.key"
# With wildcard DNS and a wildcard certificate each task has a host name of its own instead:
#     c.Rosetta.tasks_url = "https://*.tasks.example.org"
c.Rosetta.tasks_url = "http://127.0.0.1"

# A thousand ports: 7000-7999 for a hub on port 8000.
c.Rosetta.tasks_ports = f"{port - 1000}-{port - 1}"

# The service listens here; the hub's proxy puts it under the hub's own address.
c.Rosetta.service_url = f"http://127.0.0.1:{port + 95}"

# The secret, the database and the logs. Make a backup of it.
state_dir = os.path.abspath(os.environ.get("ROSETTA_STATE_DIR", "rosetta_state"))
c.Rosetta.state_dir = state_dir

# --- What users may start ------------------------------------------------------------------------

# Where the base containers of docker/ are: built on this machine (docker/build), or in a registry
# that they were pushed to (docker/build --registry HOST:PORT).
# They run under any uid, so that a home can belong to whomever it should.
ours = {
    "registry": os.environ.get("ROSETTA_REGISTRY", ""),
    "image_tag": rosetta_hub.__version__,
    "any_user": True,
}

# Addresses of pictures; these come with the service.
logos = "/services/rosetta/static/logos"

c.Rosetta.software = [
    {
        "id": "jupyternotebook",
        "name": "Jupyter Notebook",
        "description": "JupyterLab with NumPy and Matplotlib.",
        "keywords": ["notebook", "python"],
        "logo": f"{logos}/jupyternotebook.svg",
        "image_name": "rosetta/jupyternotebook",
        "interface_port": 8888,
        # The edge adds the token to each request: nobody types it, and nobody gets past it.
        "interface_auth": "jupyter",
        # The image listens on BASE_PORT where that is set.
        "supports_custom_interface_port": True,
        **ours,
    },
    {
        "id": "minimaldesktop",
        "name": "Minimal desktop",
        "description": "A small remote desktop in the browser: Fluxbox and a terminal.",
        "keywords": ["desktop"],
        "logo": f"{logos}/minimaldesktop.svg",
        "image_name": "rosetta/minimaldesktop",
        "interface_port": 8590,
        "interface_auth": "basic",
        "supports_interface_auth": True,
        "supports_custom_interface_port": True,
        **ours,
    },
    {
        "id": "basicdesktop",
        "name": "Basic desktop",
        "description": "A remote desktop in the browser: Xfce with a terminal, files and Firefox.",
        "keywords": ["desktop"],
        "logo": f"{logos}/basicdesktop.svg",
        "image_name": "rosetta/basicdesktop",
        "interface_port": 8590,
        "interface_auth": "basic",
        "supports_interface_auth": True,
        "supports_custom_interface_port": True,
        **ours,
    },
    {
        "id": "guiapplication",
        "name": "GUI application",
        "description": "One graphical application in the browser, without a desktop around it.",
        "keywords": ["desktop", "application"],
        "logo": f"{logos}/guiapplication.svg",
        "image_name": "rosetta/guiapplication",
        "interface_port": 8590,
        "interface_auth": "basic",
        "supports_interface_auth": True,
        "supports_custom_interface_port": True,
        **ours,
    },
    {
        "id": "sshserver",
        "name": "SSH server",
        "description": "A shell, with X forwarding. The one-time password is on the task's page.",
        "keywords": ["terminal", "ssh"],
        "logo": f"{logos}/sshserver.svg",
        "image_name": "rosetta/sshserver",
        "interface_port": 2222,
        # Not HTTP, so the edge can't look inside: the container itself asks for the password.
        "interface_protocol": "ssh",
        "interface_auth": "password",
        "supports_interface_auth": True,
        "supports_custom_interface_port": True,
        **ours,
    },
]

# Images that know nothing of us work, too. These are pulled from the engine's default registry.
# Several tags of one image are one card with a version selector.
if os.environ.get("ROSETTA_PUBLIC_IMAGES", "yes") == "yes":
    c.Rosetta.software += [
        {
            "id": "scipy-notebook",
            "name": "SciPy notebook",
            "description": "The Jupyter project's own image, as it is.",
            "keywords": ["notebook", "python"],
            "image_name": "jupyter/scipy-notebook",
            "image_tag": tag,
            "interface_port": 8888,
            "interface_auth": "jupyter",
            # Where this image has its home directory.
            "home_path": "/home/jovyan",
        }
        for tag in ("python-3.11", "python-3.10")
    ]
    c.Rosetta.software += [
        {
            "id": "nginx",
            "name": "Web server",
            "description": "The plain nginx image, as it is.",
            "keywords": ["web"],
            "image_name": "nginx",
            "image_tag": "stable",
            "interface_port": 80,
        }
    ]

# The spawner that a hub has in c.JupyterHub.spawner_class becomes the first software of the
# catalogue by itself. This hub is new: its users have no accounts on this machine that a Jupyter
# server could run under.
c.Rosetta.keep_spawner = False

# More spawners can be in the catalogue, too, with options of their own:
#     c.Rosetta.software += [
#         {
#             "id": "local",
#             "name": "Notebook on the hub's machine",
#             "kind": "native",
#             "spawner_class": "simple",
#             "spawner_config": {"cmd": ["jupyterhub-singleuser"]},
#         }
#     ]

# --- Where it runs -------------------------------------------------------------------------------

# The engines of this machine: those that are installed, unless scripts/demo names them. Runtimes go
# into brackets where there is a choice, as in "docker[runc,runsc]".
engines = os.environ.get("ROSETTA_ENGINES", "").split()
if not engines:
    engines = [name for name in ("docker", "podman") if shutil.which(name)]
    # Singularity's present name is Apptainer. It pulls our images from a registry only.
    if shutil.which("apptainer") or shutil.which("singularity"):
        engines.append("singularity")

c.Rosetta.computing = [
    {
        "id": "local",
        "name": "This machine",
        "description": "Containers run next to the hub.",
        "container_engines": engines,
        # What a task gets that asks for nothing, and the most that it may ask for.
        "default_cpus": 1,
        "default_memory": "1G",
        "max_cpus": os.cpu_count(),
        "max_memory": "4G",
    }
]

# A cluster needs nothing but an ordinary account, SSH, Slurm and Singularity. `agents_url` is where
# its nodes reach this hub, `image_dir` a directory on shared storage, where an image is converted
# once for all nodes ({uid} is the number of the user there).
#     c.Rosetta.computing += [
#         {
#             "id": "cluster",
#             "name": "Our cluster",
#             "type": "cluster",
#             "access_mode": "ssh",
#             "auth_mode": "user_keys",
#             "wms": "slurm",
#             "container_engines": ["singularity"],
#             "default_memory": "4G",
#             "default_time": "4h",
#             "sizes": [
#                 {"name": "small", "label": "Small", "cpus": 2, "memory": "4G"},
#                 {"name": "large", "label": "Large", "cpus": 32, "memory": "128G", "time": "1d"},
#             ],
#             "conf": {
#                 "host": "login.cluster.example.org",
#                 "known_hosts": "/etc/jupyterhub/known_hosts",
#                 "agents_url": "https://hub.example.org",
#                 "image_dir": "/scratch/rosetta-{uid}",
#             },
#         }
#     ]

# --- What stays when a task ends -----------------------------------------------------------------

# A home for each user, in every task: the next one finds what the last one left there. The users of
# this demo have no accounts on this machine, so the files belong to the service; with
# "owner": "system" they belong to the account of the user's name. Without root, Docker can give a
# home only to images that run under any uid: others have to be started without it.
homes = os.path.join(state_dir, "homes")
for directory in (state_dir, homes):
    os.makedirs(directory, mode=0o700, exist_ok=True)
c.Rosetta.storages = [
    {
        "id": "home",
        "name": "Home",
        "computing": "local",
        "base_path": f"{homes}/$USER",
        "bind_path": "/home/metauser",
        "home": True,
        "create": True,
    }
]

# The homes of a cluster are there already, and belong to the accounts (more: docs/storages.md):
#     c.Rosetta.storages += [
#         {
#             "id": "cluster-home",
#             "name": "Home",
#             "computing": "cluster",
#             "base_path": "/home/$SSH_USER",
#             "bind_path": "/home/metauser",
#             "home": True,
#         }
#     ]

# --- Software of users ---------------------------------------------------------------------------

# Users add images of registries by themselves, on the page "Software". Who may, and of which
# registries:
#     c.Rosetta.user_software = {"groups": ["staff"], "registries": ["registry.example.org"]}

# A registry that is not on the internet, or that wants an account (more: docs/registries.md):
if ours["registry"]:
    c.Rosetta.registries = [{"host": ours["registry"], "plain_http": True}]

# Links to repositories become images and tasks (more: docs/builds.md):
#     c.Rosetta.builds = {
#         "base_image": "registry.example.org/debian:bookworm",
#         "registry": "registry.example.org/builds",
#     }

# --- Mails ---------------------------------------------------------------------------------------

# Mails when a task that waited has started, with a link to it:
#     c.Rosetta.smtp_host = "mail.example.org"
#     c.Rosetta.mail_from = "hub@example.org"
#     c.Rosetta.mail_domain = "example.org"

# On the last line: it looks at all of the above.
rosetta_hub.setup(c, __file__)
