<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
    <context>
        <name>HeadCTIQA</name>
        <message>
            <source>Head CT Image Quality</source>
            <translation>头部 CT 图像质量</translation>
        </message>
        <message>
            <source>Measures the technical quality of a head CT: ten metrics, six category scores and one overall score, each with its reasons and its evidence in the image. For research use only; not a medical device.</source>
            <translation>测量头部 CT 的技术质量：十项指标、六个类别评分和一个总评分，每项都附有理由及图像中的依据。仅供研究使用，不是医疗器械。</translation>
        </message>
        <message>
            <source>After the quality hierarchy of Zhang et al. 2026; a reconstruction. How to cite: CITATION.cff in the extension's repository.</source>
            <translation>依据 Zhang 等人 2026 年的质量层级重建。引用方式见扩展仓库中的 CITATION.cff。</translation>
        </message>
        <message>
            <source>Scan</source>
            <translation>扫描</translation>
        </message>
        <message>
            <source>Scan:</source>
            <translation>扫描：</translation>
        </message>
        <message>
            <source>The head CT to assess.</source>
            <translation>要评估的头部 CT。</translation>
        </message>
        <message>
            <source>Measure the quality of this scan. Runs in a process of its own; press again to cancel.</source>
            <translation>测量该扫描的质量。在独立进程中运行；再次按下可取消。</translation>
        </message>
        <message>
            <source>Assess</source>
            <translation>评估</translation>
        </message>
        <message>
            <source>Open an assessment folder written by the command line, a batch or this module.</source>
            <translation>打开由命令行、批处理或本模块写出的评估结果文件夹。</translation>
        </message>
        <message>
            <source>Load assessment...</source>
            <translation>载入评估结果...</translation>
        </message>
        <message>
            <source>Progress</source>
            <translation>进度</translation>
        </message>
        <message>
            <source>Details</source>
            <translation>详细信息</translation>
        </message>
        <message>
            <source>Quality</source>
            <translation>质量</translation>
        </message>
        <message>
            <source>What costs most points in the overall score.</source>
            <translation>总评分中扣分最多的原因。</translation>
        </message>
        <message>
            <source>Why?</source>
            <translation>为什么？</translation>
        </message>
        <message>
            <source>Quality tree</source>
            <translation>质量树</translation>
        </message>
        <message>
            <source>Value</source>
            <translation>数值</translation>
        </message>
        <message>
            <source>Rating</source>
            <translation>等级</translation>
        </message>
        <message>
            <source>Points</source>
            <translation>分数</translation>
        </message>
        <message>
            <source>Show the evidence of the selected row over the image. Double-click a row to compare with and without.</source>
            <translation>在图像上显示所选行的依据。双击某行可对比有无叠加层。</translation>
        </message>
        <message>
            <source>Overlay</source>
            <translation>叠加层</translation>
        </message>
        <message>
            <source>Show the masks.</source>
            <translation>显示掩膜。</translation>
        </message>
        <message>
            <source>Masks</source>
            <translation>掩膜</translation>
        </message>
        <message>
            <source>Show planes, lines and points.</source>
            <translation>显示平面、线和点。</translation>
        </message>
        <message>
            <source>Lines and points</source>
            <translation>线和点</translation>
        </message>
        <message>
            <source>Show skull, mid-sagittal plane, orbitomeatal line, first and last slice in the 3D view, for positioning and scan range.</source>
            <translation>对于摆位和扫描范围，在三维视图中显示颅骨、正中矢状面、眶耳线以及首末切片。</translation>
        </message>
        <message>
            <source>3D</source>
            <translation>三维</translation>
        </message>
        <message>
            <source>Opacity of the masks.</source>
            <translation>掩膜的不透明度。</translation>
        </message>
        <message>
            <source>Why, how, masks</source>
            <translation>原因、方法、掩膜</translation>
        </message>
        <message>
            <source>Why</source>
            <translation>原因</translation>
        </message>
        <message>
            <source>How it was measured</source>
            <translation>测量方法</translation>
        </message>
        <message>
            <source>The whole assessment as one HTML page.</source>
            <translation>以一个 HTML 页面显示完整的评估结果。</translation>
        </message>
        <message>
            <source>Open report</source>
            <translation>打开报告</translation>
        </message>
        <message>
            <source>Append scores and values to a table.</source>
            <translation>将评分和数值追加到表格。</translation>
        </message>
        <message>
            <source>Export CSV...</source>
            <translation>导出 CSV...</translation>
        </message>
        <message>
            <source>Write the assessment folder, corrections included.</source>
            <translation>写出评估结果文件夹，包括修正。</translation>
        </message>
        <message>
            <source>Save...</source>
            <translation>保存...</translation>
        </message>
        <message>
            <source>For research use only; not a medical device.</source>
            <translation>仅供研究使用，不是医疗器械。</translation>
        </message>
        <message>
            <source>Show the keys of this module (?).</source>
            <translation>显示本模块的快捷键（?）。</translation>
        </message>
        <message>
            <source>Keys</source>
            <translation>快捷键</translation>
        </message>
        <message>
            <source>Corrections</source>
            <translation>修正</translation>
        </message>
        <message>
            <source>Reader scores</source>
            <translation>阅片者评分</translation>
        </message>
        <message>
            <source>Work list</source>
            <translation>工作列表</translation>
        </message>
        <message>
            <source>Compare</source>
            <translation>对比</translation>
        </message>
        <message>
            <source>Calibration</source>
            <translation>校准</translation>
        </message>
        <message>
            <source>Advanced</source>
            <translation>高级</translation>
        </message>
        <message>
            <source>Networks run on:</source>
            <translation>网络运行于：</translation>
        </message>
        <message>
            <source>auto takes a graphics card when there is one.</source>
            <translation>auto：有显卡时使用显卡。</translation>
        </message>
        <message>
            <source>Scoring model:</source>
            <translation>评分模型：</translation>
        </message>
        <message>
            <source>A scoring model fitted to readers; empty for the guideline model.</source>
            <translation>按阅片者拟合的评分模型；留空则使用指南模型。</translation>
        </message>
        <message>
            <source>Profile:</source>
            <translation>配置：</translation>
        </message>
        <message>
            <source>What scans are judged by: targets, curves and weights. The scores that are shown follow at once.</source>
            <translation>评判扫描所用的目标、曲线和权重。显示的评分随之立即更新。</translation>
        </message>
        <message>
            <source>The networks run on the processor without it.</source>
            <translation>没有它，网络在处理器上运行。</translation>
        </message>
        <message>
            <source>Install PyTorch for a graphics card ...</source>
            <translation>安装 PyTorch 以使用显卡...</translation>
        </message>
        <message>
            <source>For a computer without internet: a folder of the packages (wheels) that the networks need.</source>
            <translation>用于没有互联网的计算机：包含网络所需软件包（wheel）的文件夹。</translation>
        </message>
        <message>
            <source>Install from folder ...</source>
            <translation>从文件夹安装...</translation>
        </message>
    </context>
    <context>
        <name>gui.assessing</name>
        <message>
            <source>Starting</source>
            <translation>正在启动</translation>
        </message>
        <message>
            <source>Showing the results</source>
            <translation>正在显示结果</translation>
        </message>
        <message>
            <source>The networks stopped unexpectedly (exit code {code}); try again, or look at the details.</source>
            <translation>网络意外停止（退出代码 {code}）；请重试，或查看详细信息。</translation>
        </message>
    </context>
    <context>
        <name>gui.calibration</name>
        <message>
            <source>Least squares on the metrics (as in the paper)</source>
            <translation>对指标作最小二乘拟合（同论文）</translation>
        </message>
        <message>
            <source>Non-negative, no defect raises a score</source>
            <translation>非负约束，任何缺陷都不会提高评分</translation>
        </message>
        <message>
            <source>Result of the calibration</source>
            <translation>校准结果</translation>
        </message>
        <message>
            <source>The scale of the readers' scores; steps are mapped to the band of their word, e.g. 4 of 5 to 85, good.</source>
            <translation>阅片者评分所用的量表；各级按其词语对应的等级换算，例如 5 级中的 4 级换算为 85（良好）。</translation>
        </message>
        <message>
            <source>Model against readers</source>
            <translation>模型与阅片者对比</translation>
        </message>
        <message>
            <source>Bland-Altman</source>
            <translation>Bland-Altman</translation>
        </message>
        <message>
            <source>Fit</source>
            <translation>拟合</translation>
        </message>
        <message>
            <source>Fit a scoring model to the readers; nothing changes until you accept it.</source>
            <translation>按阅片者评分拟合评分模型；在您接受之前不会有任何改变。</translation>
        </message>
        <message>
            <source>Accept</source>
            <translation>接受</translation>
        </message>
        <message>
            <source>Save the model and score by it from now on.</source>
            <translation>保存该模型，并从现在起用它评分。</translation>
        </message>
        <message>
            <source>Revert</source>
            <translation>还原</translation>
        </message>
        <message>
            <source>Back to the model before.</source>
            <translation>恢复到之前的模型。</translation>
        </message>
        <message>
            <source>Assessments</source>
            <translation>评估结果</translation>
        </message>
        <message>
            <source>Reader scores</source>
            <translation>阅片者评分</translation>
        </message>
        <message>
            <source>Scale of the scores</source>
            <translation>评分量表</translation>
        </message>
        <message>
            <source>Method</source>
            <translation>方法</translation>
        </message>
        <message>
            <source>Plot</source>
            <translation>图</translation>
        </message>
        <message>
            <source>Term</source>
            <translation>项</translation>
        </message>
        <message>
            <source>Guideline</source>
            <translation>指南</translation>
        </message>
        <message>
            <source>New model</source>
            <translation>新模型</translation>
        </message>
        <message>
            <source>95 % interval</source>
            <translation>95 % 区间</translation>
        </message>
        <message>
            <source>Choose the folder of the assessments and the folder of the reader scores first.</source>
            <translation>请先选择评估结果文件夹和阅片者评分文件夹。</translation>
        </message>
        <message>
            <source>{scale} ({best} is best)</source>
            <translation>{scale}（{best} 为最佳）</translation>
        </message>
        <message>
            <source>Save the scoring model</source>
            <translation>保存评分模型</translation>
        </message>
    </context>
    <context>
        <name>gui.calibration_words</name>
        <message>
            <source>cross-validated error {rmse:.1f} points, guideline {guideline:.1f} (n = {n})</source>
            <translation>交叉验证误差 {rmse:.1f} 分，指南模型 {guideline:.1f} 分（n = {n}）</translation>
        </message>
        <message>
            <source>not fitted, keeps the guideline</source>
            <translation>未拟合，沿用指南模型</translation>
        </message>
        <message>
            <source>Why not to use this model:</source>
            <translation>不宜使用该模型的理由：</translation>
        </message>
        <message>
            <source>Overall: intercept</source>
            <translation>总评分：截距</translation>
        </message>
        <message>
            <source>Overall: limit above the worst category</source>
            <translation>总评分：高于最差类别的上限</translation>
        </message>
        <message>
            <source>{n} scans fitted, {m} kept for testing.</source>
            <translation>{n} 例扫描用于拟合，{m} 例留作测试。</translation>
        </message>
        <message>
            <source>Overall score: {words}</source>
            <translation>总评分：{words}</translation>
        </message>
        <message>
            <source>; keeps the guideline</source>
            <translation>；沿用指南模型</translation>
        </message>
        <message>
            <source>worst item</source>
            <translation>最差项目</translation>
        </message>
        <message>
            <source>ideal scan</source>
            <translation>理想扫描</translation>
        </message>
        <message>
            <source>Weight: {title}</source>
            <translation>权重：{title}</translation>
        </message>
    </context>
    <context>
        <name>gui.comparison</name>
        <message>
            <source>not assessable</source>
            <translation>无法评估</translation>
        </message>
        <message>
            <source>withheld</source>
            <translation>暂不给出</translation>
        </message>
        <message>
            <source>Another assessment of the scan that is shown: of other networks, or corrected by another reader.</source>
            <translation>当前扫描的另一份评估结果：来自其他网络，或由另一位阅片者修正。</translation>
        </message>
        <message>
            <source>Before corrections</source>
            <translation>修正之前</translation>
        </message>
        <message>
            <source>What is shown against what the networks measured.</source>
            <translation>将当前显示的结果与网络的测量结果对比。</translation>
        </message>
        <message>
            <source>Show side by side</source>
            <translation>并排显示</translation>
        </message>
        <message>
            <source>Both assessments in two linked slice views, for the selected metric; press again for your own views.</source>
            <translation>针对所选指标，在两个联动的切片视图中显示两份评估结果；再次按下恢复您原来的视图。</translation>
        </message>
        <message>
            <source>not corrected</source>
            <translation>未修正</translation>
        </message>
        <message>
            <source>First</source>
            <translation>第一份</translation>
        </message>
        <message>
            <source>Second</source>
            <translation>第二份</translation>
        </message>
        <message>
            <source>Difference</source>
            <translation>差值</translation>
        </message>
        <message>
            <source>Before</source>
            <translation>之前</translation>
        </message>
        <message>
            <source>Corrected</source>
            <translation>修正后</translation>
        </message>
        <message>
            <source>{n} of {all} metrics differ.</source>
            <translation>{all} 项指标中有 {n} 项不同。</translation>
        </message>
        <message>
            <source>Shown against</source>
            <translation>当前结果对比</translation>
        </message>
        <message>
            <source>Shown</source>
            <translation>当前</translation>
        </message>
        <message>
            <source>corrected by {names}</source>
            <translation>由 {names} 修正</translation>
        </message>
        <message>
            <source>The scan of this assessment is not in the scene; load the scan first.</source>
            <translation>场景中没有该评估结果对应的扫描；请先载入扫描。</translation>
        </message>
    </context>
    <context>
        <name>gui.controller</name>
        <message>
            <source>The assessment of this scan carries corrections ({count} of 10 metrics) and will be replaced. To keep them, cancel and save the folder.</source>
            <translation>该扫描的评估结果含有修正（10 项指标中的 {count} 项），即将被替换。如需保留，请取消并保存文件夹。</translation>
        </message>
        <message>
            <source>Assessment folder</source>
            <translation>评估结果文件夹</translation>
        </message>
        <message>
            <source>Empty folder for the assessment</source>
            <translation>用于保存评估结果的空文件夹</translation>
        </message>
        <message>
            <source>The scan was taken out of the scene; the assessment was stopped.</source>
            <translation>扫描已从场景中移除；评估已停止。</translation>
        </message>
        <message>
            <source>Cancel</source>
            <translation>取消</translation>
        </message>
        <message>
            <source>Assess</source>
            <translation>评估</translation>
        </message>
        <message>
            <source>Append to table</source>
            <translation>追加到表格</translation>
        </message>
        <message>
            <source>Cancelled; nothing was changed.</source>
            <translation>已取消；没有任何改变。</translation>
        </message>
        <message>
            <source>Appended to {path}</source>
            <translation>已追加到 {path}</translation>
        </message>
        <message>
            <source>Saved in {folder}</source>
            <translation>已保存到 {folder}</translation>
        </message>
    </context>
    <context>
        <name>gui.corrections</name>
        <message>
            <source>Put this value in the place of what was measured; the measured one stays in the record.</source>
            <translation>用该值代替测量值；测量值仍保留在记录中。</translation>
        </message>
        <message>
            <source>your reader id, e.g. initials</source>
            <translation>您的阅片者编号，例如姓名首字母</translation>
        </message>
        <message>
            <source>Edit masks</source>
            <translation>编辑掩膜</translation>
        </message>
        <message>
            <source>Open the Segment Editor with the masks of this scan; what you paint is measured again at once.</source>
            <translation>用该扫描的掩膜打开 Segment Editor；您所绘制的内容会立即重新测量。</translation>
        </message>
        <message>
            <source>Set value</source>
            <translation>设定值</translation>
        </message>
        <message>
            <source>Undo</source>
            <translation>撤销</translation>
        </message>
        <message>
            <source>Take back the last step.</source>
            <translation>撤回上一步。</translation>
        </message>
        <message>
            <source>Redo</source>
            <translation>重做</translation>
        </message>
        <message>
            <source>Make the step again.</source>
            <translation>再次执行该步骤。</translation>
        </message>
        <message>
            <source>Revert metric</source>
            <translation>还原指标</translation>
        </message>
        <message>
            <source>Back to what was measured, for the selected metric.</source>
            <translation>将所选指标恢复为测量值。</translation>
        </message>
        <message>
            <source>Revert all</source>
            <translation>全部还原</translation>
        </message>
        <message>
            <source>Back to what the networks found.</source>
            <translation>恢复为网络的结果。</translation>
        </message>
        <message>
            <source>measured</source>
            <translation>测量</translation>
        </message>
        <message>
            <source>corrected</source>
            <translation>已修正</translation>
        </message>
        <message>
            <source>not assessable</source>
            <translation>无法评估</translation>
        </message>
        <message>
            <source>Metric</source>
            <translation>指标</translation>
        </message>
        <message>
            <source>Was</source>
            <translation>原值</translation>
        </message>
        <message>
            <source>Now</source>
            <translation>现值</translation>
        </message>
        <message>
            <source>By</source>
            <translation>修正者</translation>
        </message>
        <message>
            <source>Reason</source>
            <translation>理由</translation>
        </message>
        <message>
            <source>value</source>
            <translation>数值</translation>
        </message>
        <message>
            <source>why the measured value is replaced</source>
            <translation>为何替换测量值</translation>
        </message>
        <message>
            <source>Reader</source>
            <translation>阅片者</translation>
        </message>
        <message>
            <source>Nothing to correct yet.</source>
            <translation>尚无可修正的内容。</translation>
        </message>
        <message>
            <source>Load the scan of this assessment to correct it.</source>
            <translation>请载入该评估结果对应的扫描以进行修正。</translation>
        </message>
        <message>
            <source>Select a metric above to correct it; moved points, planes and masks count at once.</source>
            <translation>请在上方选择要修正的指标；移动的点、平面和修改的掩膜立即生效。</translation>
        </message>
        <message>
            <source>not assessable ({reason})</source>
            <translation>无法评估（{reason}）</translation>
        </message>
    </context>
    <context>
        <name>gui.dependencies</name>
        <message>
            <source>HeadCTIQA needs the small package msgspec to read and write its results. Install it now?</source>
            <translation>HeadCTIQA 需要小型软件包 msgspec 来读写结果。现在安装吗？</translation>
        </message>
        <message>
            <source>HeadCTIQA needs the package msgspec: open the module again to install it.</source>
            <translation>HeadCTIQA 需要软件包 msgspec：请再次打开模块以安装。</translation>
        </message>
        <message>
            <source>msgspec was installed; restart 3D Slicer to use it.</source>
            <translation>已安装 msgspec；请重新启动 3D Slicer 以使用。</translation>
        </message>
        <message>
            <source>Still missing after the installation: {names}; restart 3D Slicer and try again.</source>
            <translation>安装后仍缺少：{names}；请重新启动 3D Slicer 后再试。</translation>
        </message>
        <message>
            <source>PyTorch was not installed; the networks go on running on the processor.</source>
            <translation>未安装 PyTorch；网络继续在处理器上运行。</translation>
        </message>
        <message>
            <source>The packages in {folder} are not all that is needed, or not for this computer.</source>
            <translation>{folder} 中的软件包不齐全，或不适用于这台计算机。</translation>
        </message>
        <message>
            <source>Installing {name} failed; check the connection to the internet.</source>
            <translation>安装 {name} 失败；请检查互联网连接。</translation>
        </message>
        <message>
            <source>the packages</source>
            <translation>软件包</translation>
        </message>
    </context>
    <context>
        <name>gui.files</name>
        <message>
            <source>The table</source>
            <translation>表格</translation>
        </message>
        <message>
            <source>There is no assessment yet: press Assess, or load one.</source>
            <translation>尚无评估结果：请按“评估”，或载入一份。</translation>
        </message>
        <message>
            <source>The scan of this assessment is not in the scene; load the scan first.</source>
            <translation>场景中没有该评估结果对应的扫描；请先载入扫描。</translation>
        </message>
        <message>
            <source>The table {path} cannot be read as CSV; choose a new file.</source>
            <translation>无法将表格 {path} 作为 CSV 读取；请选择新文件。</translation>
        </message>
        <message>
            <source>The table {path} has other columns; choose a new file.</source>
            <translation>表格 {path} 的列不同；请选择新文件。</translation>
        </message>
    </context>
    <context>
        <name>gui.folder_button</name>
        <message>
            <source>Choose folder...</source>
            <translation>选择文件夹...</translation>
        </message>
    </context>
    <context>
        <name>gui.installing</name>
        <message>
            <source>The networks need {names}, which 3D Slicer does not have yet. Install now? Everything else works without.</source>
            <translation>网络需要 {names}，而 3D Slicer 中尚未安装。现在安装吗？其余功能无需它们即可使用。</translation>
        </message>
        <message>
            <source>PyTorch runs the networks on a graphics card. It takes some gigabytes. Install it now?</source>
            <translation>PyTorch 可在显卡上运行网络，需要占用数 GB 空间。现在安装吗？</translation>
        </message>
        <message>
            <source>Folder of packages (wheels)</source>
            <translation>软件包（wheel）文件夹</translation>
        </message>
        <message>
            <source>The packages are installed.</source>
            <translation>软件包已安装。</translation>
        </message>
        <message>
            <source>PyTorch is installed; restart 3D Slicer to use it.</source>
            <translation>已安装 PyTorch；请重新启动 3D Slicer 以使用。</translation>
        </message>
        <message>
            <source>Not assessed: {names} missing. Assessments made elsewhere can be loaded.</source>
            <translation>未评估：缺少 {names}。可以载入在别处完成的评估结果。</translation>
        </message>
    </context>
    <context>
        <name>gui.keyboard</name>
        <message>
            <source>Keys of Head CT Image Quality</source>
            <translation>头部 CT 图像质量的快捷键</translation>
        </message>
        <message>
            <source>Key</source>
            <translation>快捷键</translation>
        </message>
        <message>
            <source>What it does</source>
            <translation>功能</translation>
        </message>
        <message>
            <source>Next item</source>
            <translation>下一个项目</translation>
        </message>
        <message>
            <source>Previous item</source>
            <translation>上一个项目</translation>
        </message>
        <message>
            <source>Show or hide the overlay</source>
            <translation>显示或隐藏叠加层</translation>
        </message>
        <message>
            <source>Overall</source>
            <translation>总评分</translation>
        </message>
        <message>
            <source>Show or hide this list</source>
            <translation>显示或隐藏此列表</translation>
        </message>
        <message>
            <source>Save the scores</source>
            <translation>保存评分</translation>
        </message>
        <message>
            <source>Accept: save the scores and open the next scan</source>
            <translation>接受：保存评分并打开下一例扫描</translation>
        </message>
        <message>
            <source>Next scan</source>
            <translation>下一例扫描</translation>
        </message>
        <message>
            <source>Previous scan</source>
            <translation>上一例扫描</translation>
        </message>
        <message>
            <source>Enter the score: {name}</source>
            <translation>输入评分：{name}</translation>
        </message>
    </context>
    <context>
        <name>gui.motion_table</name>
        <message>
            <source>Grade 1: motion that is just visible, 3: not diagnostic, - : cannot be graded. Slices in no row have no motion.</source>
            <translation>1 级：运动刚好可见；3 级：无法用于诊断；-：无法分级。未列出的切片没有运动。</translation>
        </message>
        <message>
            <source>First slice</source>
            <translation>起始切片</translation>
        </message>
        <message>
            <source>Last slice</source>
            <translation>结束切片</translation>
        </message>
        <message>
            <source>Grade 0-3</source>
            <translation>分级 0-3</translation>
        </message>
        <message>
            <source>Add range</source>
            <translation>添加范围</translation>
        </message>
        <message>
            <source>Add a range that begins at the slice shown.</source>
            <translation>添加从当前切片开始的范围。</translation>
        </message>
        <message>
            <source>Remove range</source>
            <translation>删除范围</translation>
        </message>
        <message>
            <source>Remove the selected rows.</source>
            <translation>删除所选的行。</translation>
        </message>
        <message>
            <source>Apply grades</source>
            <translation>应用分级</translation>
        </message>
        <message>
            <source>Measure motion with these grades.</source>
            <translation>按这些分级测量运动。</translation>
        </message>
        <message>
            <source>Row {n} of the motion table needs whole numbers; the grade may be - as well.</source>
            <translation>运动表的第 {n} 行需要填写整数；分级也可以填 -。</translation>
        </message>
    </context>
    <context>
        <name>gui.panel</name>
        <message>
            <source>Overall score</source>
            <translation>总评分</translation>
        </message>
        <message>
            <source>(in brackets: 95 % intervals)</source>
            <translation>（括号内为 95 % 区间）</translation>
        </message>
        <message>
            <source>✎ corrected by a person</source>
            <translation>✎ 经人工修正</translation>
        </message>
        <message>
            <source>SIMULATED scan</source>
            <translation>模拟扫描</translation>
        </message>
        <message>
            <source>Quality</source>
            <translation>质量</translation>
        </message>
        <message>
            <source>Value</source>
            <translation>数值</translation>
        </message>
        <message>
            <source>Rating</source>
            <translation>等级</translation>
        </message>
        <message>
            <source>Points</source>
            <translation>分数</translation>
        </message>
        <message>
            <source>No assessment yet: choose a scan and press Assess, or load an assessment.</source>
            <translation>尚无评估结果：请选择扫描并按“评估”，或载入一份评估结果。</translation>
        </message>
        <message>
            <source>Scored by: {model}</source>
            <translation>评分模型：{model}</translation>
        </message>
        <message>
            <source>Profile: {profile}</source>
            <translation>配置：{profile}</translation>
        </message>
        <message>
            <source>Statistics need the scan in the scene.</source>
            <translation>统计需要场景中有该扫描。</translation>
        </message>
    </context>
    <context>
        <name>gui.plots</name>
        <message>
            <source>before (guideline)</source>
            <translation>之前（指南）</translation>
        </message>
        <message>
            <source>after (fitted)</source>
            <translation>之后（拟合）</translation>
        </message>
        <message>
            <source>Overall score</source>
            <translation>总评分</translation>
        </message>
        <message>
            <source>mean of the readers</source>
            <translation>阅片者均值</translation>
        </message>
        <message>
            <source>model</source>
            <translation>模型</translation>
        </message>
        <message>
            <source>mean of model and readers</source>
            <translation>模型与阅片者的均值</translation>
        </message>
        <message>
            <source>model - readers</source>
            <translation>模型 - 阅片者</translation>
        </message>
        <message>
            <source>equal</source>
            <translation>相等</translation>
        </message>
        <message>
            <source>bias after</source>
            <translation>之后的偏倚</translation>
        </message>
        <message>
            <source>upper limit</source>
            <translation>上限</translation>
        </message>
        <message>
            <source>lower limit</source>
            <translation>下限</translation>
        </message>
        <message>
            <source>{target}: model against readers</source>
            <translation>{target}：模型与阅片者对比</translation>
        </message>
        <message>
            <source>{target}: Bland-Altman</source>
            <translation>{target}：Bland-Altman</translation>
        </message>
    </context>
    <context>
        <name>gui.profiles</name>
        <message>
            <source>From file...</source>
            <translation>来自文件...</translation>
        </message>
        <message>
            <source>of the scene</source>
            <translation>来自场景</translation>
        </message>
        <message>
            <source>Profile</source>
            <translation>配置</translation>
        </message>
        <message>
            <source>Profiles (*.toml *.json)</source>
            <translation>配置 (*.toml *.json)</translation>
        </message>
    </context>
    <context>
        <name>gui.progress_bar</name>
        <message>
            <source>about {n} s left</source>
            <translation>剩余约 {n} 秒</translation>
        </message>
        <message>
            <source>about {n} min left</source>
            <translation>剩余约 {n} 分钟</translation>
        </message>
    </context>
    <context>
        <name>gui.readers</name>
        <message>
            <source>0 to 100, higher is better: from {good:.0f} good, from {acceptable:.0f} acceptable, below poor; - cannot be judged.</source>
            <translation>0 到 100，越高越好：{good:.0f} 起为良好，{acceptable:.0f} 起为可接受，以下为差；- 表示无法判断。</translation>
        </message>
        <message>
            <source>your reader id, e.g. initials</source>
            <translation>您的阅片者编号，例如姓名首字母</translation>
        </message>
        <message>
            <source>Folder with one file a reader; nobody's file is ever touched by another reader.</source>
            <translation>每位阅片者一个文件的文件夹；任何人的文件都不会被其他阅片者改动。</translation>
        </message>
        <message>
            <source>Hide the automatic assessment</source>
            <translation>隐藏自动评估结果</translation>
        </message>
        <message>
            <source>Save scores</source>
            <translation>保存评分</translation>
        </message>
        <message>
            <source>Keep the scores of this scan in your file (Ctrl+Return).</source>
            <translation>将该扫描的评分保存到您的文件中（Ctrl+Return）。</translation>
        </message>
        <message>
            <source>Reader</source>
            <translation>阅片者</translation>
        </message>
        <message>
            <source>Folder</source>
            <translation>文件夹</translation>
        </message>
        <message>
            <source>Overall</source>
            <translation>总评分</translation>
        </message>
        <message>
            <source>Scores of this scan are in your file.</source>
            <translation>该扫描的评分已在您的文件中。</translation>
        </message>
        <message>
            <source>Not saved yet (Ctrl+Return).</source>
            <translation>尚未保存（Ctrl+Return）。</translation>
        </message>
        <message>
            <source>Enter at least one score first.</source>
            <translation>请先输入至少一个评分。</translation>
        </message>
        <message>
            <source>Saved in {file}.</source>
            <translation>已保存到 {file}。</translation>
        </message>
    </context>
    <context>
        <name>gui.reading</name>
        <message>
            <source>Choose the folder for the reader scores first.</source>
            <translation>请先选择阅片者评分文件夹。</translation>
        </message>
    </context>
    <context>
        <name>gui.regions</name>
        <message>
            <source>ROI brain</source>
            <translation>感兴趣区：脑</translation>
        </message>
        <message>
            <source>ROI deep grey</source>
            <translation>感兴趣区：深部灰质</translation>
        </message>
        <message>
            <source>ROI white</source>
            <translation>感兴趣区：白质</translation>
        </message>
        <message>
            <source>Show boxes to drag over homogeneous tissue, in the place of the masks.</source>
            <translation>显示可拖放到均匀组织上的方框，以代替掩膜。</translation>
        </message>
        <message>
            <source>Place ROI</source>
            <translation>放置感兴趣区</translation>
        </message>
        <message>
            <source>Measure in ROI</source>
            <translation>在感兴趣区内测量</translation>
        </message>
        <message>
            <source>Measure the selected metric inside the boxes.</source>
            <translation>在方框内测量所选指标。</translation>
        </message>
        <message>
            <source>Place the regions of interest first.</source>
            <translation>请先放置感兴趣区。</translation>
        </message>
    </context>
    <context>
        <name>gui.results</name>
        <message>
            <source>masks</source>
            <translation>掩膜</translation>
        </message>
        <message>
            <source>landmarks</source>
            <translation>标志点</translation>
        </message>
        <message>
            <source>mid-sagittal plane</source>
            <translation>正中矢状面</translation>
        </message>
        <message>
            <source>of this scene</source>
            <translation>（此场景）</translation>
        </message>
        <message>
            <source>{name} assessment</source>
            <translation>{name} 评估结果</translation>
        </message>
    </context>
    <context>
        <name>gui.reviewing</name>
        <message>
            <source>unnamed reader</source>
            <translation>未署名的阅片者</translation>
        </message>
        <message>
            <source>Choose a scan and assess it, or load an assessment with its scan, to correct it.</source>
            <translation>要进行修正，请选择扫描并评估，或载入评估结果及其扫描。</translation>
        </message>
    </context>
    <context>
        <name>gui.sample_data</name>
        <message>
            <source>Simulating a head CT, once: about half a minute.</source>
            <translation>正在模拟头部 CT，仅需一次：约半分钟。</translation>
        </message>
        <message>
            <source>The simulated head could not be made; look whether the disk of the cache is full.</source>
            <translation>无法生成模拟头部；请检查缓存所在磁盘是否已满。</translation>
        </message>
        <message>
            <source>Head CT Image Quality</source>
            <translation>头部 CT 图像质量</translation>
        </message>
    </context>
    <context>
        <name>gui.session</name>
        <message>
            <source>The transform {name} moves the scan away from where it was assessed; take the scan out of it to see the evidence.</source>
            <translation>变换 {name} 使扫描偏离了评估时的位置；请将扫描移出该变换以查看依据。</translation>
        </message>
        <message>
            <source>The scan was moved after it was assessed; assess it again to see the evidence.</source>
            <translation>扫描在评估后被移动；请重新评估以查看依据。</translation>
        </message>
        <message>
            <source>no scan</source>
            <translation>无扫描</translation>
        </message>
        <message>
            <source>The scan of this assessment is not in the scene; load the scan to see the evidence.</source>
            <translation>场景中没有该评估结果对应的扫描；请载入扫描以查看依据。</translation>
        </message>
        <message>
            <source>The scan was taken out of the scene; load it again to see its assessment.</source>
            <translation>扫描已从场景中移除；请重新载入以查看其评估结果。</translation>
        </message>
    </context>
    <context>
        <name>gui.taking</name>
        <message>
            <source>Edited in the Segment Editor.</source>
            <translation>在 Segment Editor 中编辑。</translation>
        </message>
        <message>
            <source>Moved the mid-sagittal plane.</source>
            <translation>移动了正中矢状面。</translation>
        </message>
    </context>
    <context>
        <name>gui.volumes</name>
        <message>
            <source>The volume {name} is empty or not a 3-D image; choose another one.</source>
            <translation>体数据 {name} 为空或不是三维图像；请另选一个。</translation>
        </message>
        <message>
            <source>The volume {name} is a colour image, not CT values; choose another one.</source>
            <translation>体数据 {name} 是彩色图像而不是 CT 值；请另选一个。</translation>
        </message>
        <message>
            <source>The transform of the volume {name} bends its slices by {mm:.1f} mm; harden the transform first.</source>
            <translation>体数据 {name} 的变换使切片弯曲 {mm:.1f} mm；请先固化该变换。</translation>
        </message>
        <message>
            <source>The volume {name} cannot be used: {error}.</source>
            <translation>无法使用体数据 {name}：{error}。</translation>
        </message>
    </context>
    <context>
        <name>gui.worklist</name>
        <message>
            <source>Folder of scans: image files or DICOM folders.</source>
            <translation>扫描文件夹：图像文件或 DICOM 文件夹。</translation>
        </message>
        <message>
            <source>Folder of their assessments by the same names, where there are any.</source>
            <translation>同名评估结果所在的文件夹（如有）。</translation>
        </message>
        <message>
            <source>Scans</source>
            <translation>扫描</translation>
        </message>
        <message>
            <source>Assessments</source>
            <translation>评估结果</translation>
        </message>
        <message>
            <source>Scan</source>
            <translation>扫描</translation>
        </message>
        <message>
            <source>Scored</source>
            <translation>已评分</translation>
        </message>
        <message>
            <source>Resume</source>
            <translation>继续</translation>
        </message>
        <message>
            <source>Open the first scan that you have not scored.</source>
            <translation>打开您尚未评分的第一例扫描。</translation>
        </message>
        <message>
            <source>Previous</source>
            <translation>上一例</translation>
        </message>
        <message>
            <source>The scan before (Ctrl+PgUp).</source>
            <translation>前一例扫描（Ctrl+PgUp）。</translation>
        </message>
        <message>
            <source>Next</source>
            <translation>下一例</translation>
        </message>
        <message>
            <source>The next scan (Ctrl+PgDown); save the scores first (Ctrl+Return).</source>
            <translation>下一例扫描（Ctrl+PgDown）；请先保存评分（Ctrl+Return）。</translation>
        </message>
        <message>
            <source>This is the last scan of the list.</source>
            <translation>这是列表中的最后一例扫描。</translation>
        </message>
        <message>
            <source>This is the first scan of the list.</source>
            <translation>这是列表中的第一例扫描。</translation>
        </message>
        <message>
            <source>The folder {name} holds no DICOM volume.</source>
            <translation>文件夹 {name} 中没有 DICOM 体数据。</translation>
        </message>
        <message>
            <source>{done} of {all} scored</source>
            <translation>已评分 {done} / {all}</translation>
        </message>
        <message>
            <source>{scan} was not opened: {error}</source>
            <translation>未能打开 {scan}：{error}</translation>
        </message>
    </context>
</TS>
