"""Computing resources: access × workload manager × engine.

`access_*` runs commands on a resource, `wms_*` starts and stops agents with them; the engine is
the agent's business. A resource is a combination of the three, see `resource.py`.
"""
