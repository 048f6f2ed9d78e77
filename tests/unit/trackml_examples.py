"""A tiny TrackML dataset: two modules, two events, in either dialect."""

import gzip
from pathlib import Path

HITS = "hit_id,x,y,z,volume_id,layer_id,module_id\n1,1.5,2,3,8,2,1\n2,4,5,6,8,2,2\n3,7,8,9,8,2,1\n"
TRUTH = (
    "hit_id,particle_id,tx,ty,tz,tpx,tpy,tpz,weight\n"
    "1,4503668346847232,1,2,3,1,0,0,0.25\n2,0,4,5,6,0,0,0,0\n3,4503668346847232,7,8,9,1,0,0,0.75\n"
)
PARTICLES = {
    "kaggle": "particle_id,vx,vy,vz,px,py,pz,q,nhits\n4503668346847232,0,0,1,0.3,0.4,2,-1,2\n",
    "codalab": "particle_id,particle_type,vx,vy,vz,px,py,pz,q\n4503668346847232,11,0,0,1,0.3,0.4,2,-1.0\n",
}
ROTATION = ",".join(f"rot_{axis}{local}" for axis in "xyz" for local in "uvw")
DETECTORS = {
    "kaggle": (
        f",volume_id,layer_id,module_id,cx,cy,cz,{ROTATION},module_t,module_minhu,module_maxhu,module_hv,pitch_u,pitch_v\n"
        "0,8,2,2,10,20,30,1,0,0,0,1,0,0,0,1,0.15,8.4,8.4,36,0.05,0.056\n"
        "1,8,2,1,-10,-20,-30,1,0,0,0,1,0,0,0,1,0.15,8.4,8.4,36,0.05,0.056\n"
    ),
    "codalab": (
        "module_id,layer_id,volume_id,cx,cy,cz,cell_size_u,cell_size_v\n1,2,8,-10,-20,-30,0.05,0.056\n2,2,8,10,20,30,0.05,0.056\n"
    ),
}


def contents(dialect: str = "kaggle", events: tuple[int, ...] = (7, 21)) -> dict[str, bytes]:
    """Return name and text of every file."""
    files = {"detectors.csv": DETECTORS[dialect].encode()}
    for event in events:
        for kind, text in (("hits", HITS), ("truth", TRUTH), ("particles", PARTICLES[dialect])):
            files[f"event{event:09d}-{kind}.csv"] = text.encode()
    return files


def write_files(folder: Path, files: dict[str, bytes], *, gzipped: bool = False) -> list[Path]:
    """Write the files, gzipped or not, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in files.items():
        path = folder / (f"{name}.gz" if gzipped else name)
        path.write_bytes(gzip.compress(content, mtime=0) if gzipped else content)
        paths.append(path)
    return paths
