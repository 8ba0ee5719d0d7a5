"""Print the Role of the hub's account in the namespace `rosetta`, as JSON: role.py"""

import json

from rosetta_hub.resources.kubernetes.rights import RIGHTS, build_role

print(json.dumps(build_role(RIGHTS, "rosetta")))
