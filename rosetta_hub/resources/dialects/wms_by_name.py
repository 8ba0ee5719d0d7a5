"""The dialects by the name that a computing resource has in its configuration (`wms`)."""

from collections.abc import Sequence

from rosetta_hub.access import Access
from rosetta_hub.resources.dialects.batch_wms import BatchWms
from rosetta_hub.resources.dialects.condor import Condor
from rosetta_hub.resources.dialects.dialect import Dialect
from rosetta_hub.resources.dialects.lsf import Lsf
from rosetta_hub.resources.dialects.moab import Moab
from rosetta_hub.resources.dialects.pbs import Pbs
from rosetta_hub.resources.dialects.sge import Sge
from rosetta_hub.resources.dialects.torque import Torque

DIALECTS: dict[str, type[Dialect]] = {
    "torque": Torque,
    "pbs": Pbs,
    "moab": Moab,
    "sge": Sge,
    "lsf": Lsf,
    "condor": Condor,
}


def build_batch_wms(name: str, access: Access, path: Sequence[str] = ()) -> BatchWms:
    """The scheduler of a resource, as the identity that `access` has; `path`: see BatchWms."""
    return BatchWms(access, DIALECTS[name](), path)
