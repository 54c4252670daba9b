# SPDX-License-Identifier: BSD-3-Clause
# package.py - a Spack recipe for libmpipe, for Spack 1.0 or newer.
#
# From a clone of the source:
#     spack repo create ~/mpipe mpipe
#     cp -r contrib/spack/libmpipe ~/mpipe/spack_repo/mpipe/packages/
#     spack repo add ~/mpipe/spack_repo/mpipe
#     spack dev-build libmpipe@main
# There is no release to fetch yet, so no url and no checksum.  (Spack 0.23 has build
# systems in spack.package: leave out the first import, and spack_repo/mpipe in paths.)

from spack_repo.builtin.build_systems.autotools import AutotoolsPackage

from spack.package import *


class Libmpipe(AutotoolsPackage):
    """Pipelines and map-reduce over MPI, which go on when ranks die."""

    license("BSD-3-Clause")

    version("main")

    variant("png", default=True, description="Build the example mandelbrot")

    depends_on("c", type="build")
    depends_on("m4", type="build")
    depends_on("autoconf", type="build")
    depends_on("automake", type="build")
    depends_on("libtool", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("mpi")
    depends_on("hwloc@2:")
    depends_on("jansson@2.10:")
    depends_on("xxhash")
    depends_on("zlib-api")
    depends_on("zstd@1.4:")
    depends_on("libpng", when="+png")
    depends_on("cunit", type="test")

    def configure_args(self):
        return ["CC=" + self.spec["mpi"].mpicc]
