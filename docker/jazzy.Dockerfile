# SPDX-License-Identifier: Apache-2.0
# docker build -f docker/jazzy.Dockerfile -t seg_node:jazzy .
# The same as for the other distributions but for the name (tested).
FROM ros:jazzy-ros-base

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /ws

# What ROS and Ubuntu have, from apt.
COPY package.xml src/seg_node/
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-pip python3-venv \
 && rosdep update --rosdistro jazzy \
 && rosdep install --rosdistro jazzy --from-paths src --ignore-src --default-yes \
      --dependency-types exec \
 && rm -rf /var/lib/apt/lists/*

# What only PyPI has, in an environment that sees the rest and does not change it.
COPY constraints/jazzy.txt constraints/
RUN python3 -m venv --system-site-packages /opt/seg_node \
 && /opt/seg_node/bin/python -m pip install --no-cache-dir -c constraints/jazzy.txt onnxruntime

COPY . src/seg_node
RUN source /opt/ros/jazzy/setup.bash \
 && source /opt/seg_node/bin/activate \
 && python3 -m colcon build --packages-select seg_node \
 && rm -rf build log

RUN useradd --create-home --uid 10001 seg
USER seg
WORKDIR /home/seg
ENTRYPOINT ["/ws/src/seg_node/docker/entrypoint.sh"]
CMD ["ros2", "launch", "seg_node", "seg.launch.py"]
